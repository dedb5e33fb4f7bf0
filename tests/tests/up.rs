//! The binary as its operator knows it: start, stop, crash, second start, commands.

use std::{os::unix::process::ExitStatusExt as _, path::Path, process::Output};

use e2e::{
    binary,
    platform::{Platform, data_dir, gone},
    root,
};
use rustix::process::Signal;
use tokio::process::Command;

async fn motcua(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().await.unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn data_stays_over_restarts_and_kills_and_children_do_not() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (_, code) = platform.rest().ask("Còn đây sau khi khởi động lại?").await;

    let second = motcua(&["up", "--data", dir.path().to_str().unwrap()]).await;
    assert!(!second.status.success());
    assert!(said(&second).contains("process"), "{}", said(&second));

    let servers = platform.server_ids().await;
    platform.kill().await;
    for id in servers {
        gone(id).await;
    }
    let platform = Platform::up(dir.path(), &[], &[]).await;
    platform.rest().followed(&code, "TICKET_STATE_ROUTED").await;
    let servers = platform.server_ids().await;
    platform.stop().await;
    for id in servers {
        gone(id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_childs_crash_ends_the_process_with_what_happened() {
    let dir = data_dir();
    let mut platform = Platform::up(dir.path(), &[], &[]).await;
    let postgres = platform.server_ids().await[0];
    let id = rustix::process::Pid::from_raw(postgres).unwrap();
    rustix::process::kill_process(id, Signal::KILL).unwrap();
    let status = platform.wait().await;
    assert_eq!(status.code(), Some(1), "{status:?}");
    assert!(platform.log().contains("PostgreSQL ended"), "{}", platform.log());
    // What the crash left behind is no obstacle.
    Platform::up(dir.path(), &[], &[]).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_stops_hard() {
    let dir = data_dir();
    let mut platform = Platform::up(dir.path(), &[], &[]).await;
    // A request that is not finished keeps the first signal's drain waiting.
    let address = platform.endpoints.http.strip_prefix("http://").unwrap().to_owned();
    let mut unfinished = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = b"POST /api/v1/questions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\nexpect: 100-continue\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut unfinished, head).await.unwrap();
    // Said when the request is being handled: before that it may be dropped.
    let mut reply = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut unfinished, &mut reply).await.unwrap();
    assert_eq!(&reply, b"HTTP/1.1 100");
    platform.signal(Signal::TERM);
    e2e::until("the drain to begin", || async { platform.log().contains("stopping").then_some(()) }).await;
    platform.signal(Signal::TERM);
    let status = platform.wait().await;
    assert!(!status.success() && status.signal().is_none(), "{status:?}");
    assert!(platform.log().contains("second signal"), "{}", platform.log());
}

#[tokio::test]
async fn the_configuration_is_shown_without_secrets_and_unknown_keys_are_refused() {
    let shown = Command::new(binary())
        .arg("config")
        .env("MOTCUA__AUTH__TOKEN_KEY", "hush-hush")
        .env("MOTCUA__GATEWAY__BODY_MAX_BYTES", "1234")
        .output()
        .await
        .unwrap();
    let text = said(&shown);
    assert!(shown.status.success() && !text.contains("hush-hush"), "{text}");
    assert!(text.contains("(hidden)") && text.contains("body_max_bytes = 1234"), "{text}");

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[gateway]\nlissten = \"127.0.0.1:1\"\n").unwrap();
    let refused = motcua(&["--config", file.path().to_str().unwrap(), "config"]).await;
    assert!(!refused.status.success());
    assert!(said(&refused).contains("lissten"), "{}", said(&refused));
}

/// `deploy/motcua.toml` has every key, commented out, with its default.
#[tokio::test]
async fn the_example_configuration_has_every_key_with_its_default() {
    let example = std::fs::read_to_string(root().join("deploy/motcua.toml")).unwrap();
    let settings: String = example
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| [line, "\n"])
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &settings).unwrap();
    let with = motcua(&["--config", file.path().to_str().unwrap(), "config"]).await;
    let without = motcua(&["config"]).await;
    assert!(with.status.success(), "{}", said(&with));
    // Keys that have no default are given an example value there, and differ.
    let keys = |text: &str| {
        let keys = text.lines().filter(|line| line.starts_with('[') || line.contains(" = "));
        keys.map(|line| line.split(" = ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (example_keys, default_keys) = (keys(&settings), keys(&said(&without)));
    for key in &default_keys {
        assert!(example_keys.contains(key), "deploy/motcua.toml lacks {key}");
    }
    let values: Vec<_> = settings.lines().filter(|line| line.contains(" = ")).collect();
    let has_default =
        |line: &&str| line.contains(" = ") && !["\"\"", "[]"].iter().any(|none| line.ends_with(none));
    for line in said(&without).lines().filter(has_default) {
        assert!(values.contains(&line), "deploy/motcua.toml has another default than: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_reports_bad_lines_and_goes_on_and_is_idempotent() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let file = dir.path().join("answers.jsonl");
    let lines = [
        r#"{"id": "a1", "question": "Làm thẻ thư viện ở đâu?", "answer": "Ở thư viện."}"#,
        "not json",
        r#"{"id": "", "question": "Không có mã?", "answer": "Không."}"#,
        r#"{"id": "a2", "question": "Thẻ có hạn bao lâu?", "answer": "Một năm.", "field": "dich-vu-cong", "source": "s"}"#,
        r#"{"id": "a3", "question": "Thiếu trả lời?"}"#,
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let import = |file: &Path| {
        let (file, data) = (file.display().to_string(), dir.path().display().to_string());
        async move { motcua(&["import", "answered", &file, "--data", &data]).await }
    };
    let first = import(&file).await;
    assert!(said(&first).contains("2 stored, 0 unchanged, 3 refused"), "{}", said(&first));
    for number in [2, 3, 5] {
        assert!(said(&first).contains(&format!("line {number}:")), "{}", said(&first));
    }
    let second = import(&file).await;
    assert!(said(&second).contains("0 stored, 2 unchanged, 3 refused"), "{}", said(&second));
    platform.settle().await;
    let found = platform.rest().get("/api/v1/search?q=lam%20the%20thu%20vien&limit=1").await.ok();
    assert_eq!(found["results"][0]["id"], "a1", "{found}");
    platform.stop().await;
}
