//! The working calendar changes while questions are open.

use std::{path::Path, process::Stdio, time::Duration};

use api::{Event as _, routing::v1 as routing};
use e2e::{
    binary,
    platform::{Platform, data_dir},
    servers::{Servers, serving},
    until,
};
use serde_json::{Value, json};
use sqlx::PgPool;

/// What a change of calendar states.
const RECOMPUTED: &str = "DEADLINE_CHANGE_RECOMPUTED";

/// The next ten days are off: a file of holidays, named instead of the sample's.
async fn days_off(folder: &Path, pool: &PgPool) {
    let file: String = sqlx::query_scalar(
        "select concat_ws(E'\\r\\n', 'BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//tests//', 'BEGIN:VEVENT', 'UID:1',
             'DTSTART;VALUE=DATE:' || to_char(now() + interval '1 day', 'YYYYMMDD'),
             'DTEND;VALUE=DATE:' || to_char(now() + interval '11 days', 'YYYYMMDD'),
             'SUMMARY:Nghỉ bão', 'END:VEVENT', 'END:VCALENDAR', '')",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    std::fs::write(folder.join("bao.ics"), file).unwrap();
    let rules = std::fs::read_to_string(folder.join("deadlines.toml")).unwrap();
    let sample = "holidays = [\"vn-2025.ics\", \"vn-2026.ics\", \"vn-2027.ics\"]";
    assert!(rules.contains(sample));
    let rules = rules.replace(sample, "holidays = [\"bao.ics\"]");
    std::fs::write(folder.join("deadlines.toml"), rules).unwrap();
}

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

async fn none_is_outdated(pool: &PgPool) {
    until("every open deadline to follow the calendar", || async {
        let outdated = "select count(*) from routing.assignment
                        where not answered and calendar < (select max(version) from routing.calendar)";
        (count(pool, outdated).await == 0).then_some(())
    })
    .await;
}

fn time(value: &Value) -> &str {
    value.as_str().expect("a time")
}

#[tokio::test(flavor = "multi_thread")]
async fn open_promises_follow_a_changed_calendar_and_everyone_sees_it() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let (open, code) = asker.ask("Bao giờ cầu Bãi Cháy sơn lại?").await;
    let (paused, _) = asker.ask("Số nhà tôi được cấp khi nào?").await;
    let (ended, _) = asker.ask("Một cửa mở cửa lúc mấy giờ?").await;
    for ticket_id in [&open, &paused] {
        officer.drafted(ticket_id).await;
    }
    let path = |ticket_id: &str| format!("/api/v1/tickets/{ticket_id}/deadline");
    let pause = json!({"waitsFor": "WAITS_FOR_ASKER", "reason": "Xin cho biết số nhà"});
    officer.post(&format!("{}/pause", path(&paused)), &pause).await.ok();
    officer.approve(&ended, Some("Bảy giờ rưỡi.")).await;
    platform.settle().await;
    let before = officer.get(&path(&open)).await.ok();
    let before_ended = officer.get(&path(&ended)).await.ok();
    days_off(dir.path(), &platform.pool().await).await;
    platform.stop().await;

    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let pool = platform.pool().await;
    none_is_outdated(&pool).await;
    platform.settle().await;
    let after = officer.get(&path(&open)).await.ok();
    let due = time(&after["deadline"]["dueAt"]);
    assert!(due > time(&before["deadline"]["dueAt"]), "{before} {after}");
    assert_eq!(after["recomputations"].as_array().unwrap().len(), 1, "{after}");
    let trace = &after["recomputations"][0];
    assert_eq!((&trace["dueBefore"], time(&trace["dueAt"])), (&before["deadline"]["dueAt"], due));
    assert_eq!(after["deadline"]["version"], before["deadline"]["version"].as_u64().unwrap() + 1);
    assert_eq!(officer.get(&path(&ended)).await.ok()["deadline"], before_ended["deadline"]);
    let standing = officer.get(&path(&paused)).await.ok();
    assert_eq!(standing["deadline"]["waitsFor"], "WAITS_FOR_ASKER", "{standing}");
    assert_eq!(standing["recomputations"].as_array().unwrap().len(), 1, "{standing}");

    // The asker, the officer and the reports hear of it.
    let seen = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
    assert_eq!(time(&seen["dueAt"]), due);
    let milestones = seen["timeline"].as_array().unwrap().iter();
    assert_eq!(milestones.filter(|entry| entry["what"] == "MILESTONE_RECOMPUTED").count(), 1, "{seen}");
    let page = asker.page(&format!("/theo-doi/{code}"), None).await.text;
    assert!(page.contains("Lịch làm việc thay đổi"), "{page}");
    let page = officer.page(&format!("/can-bo/phieu/{open}"), None).await.text;
    assert!(page.contains("lịch làm việc thay đổi, hạn từ"), "{page}");
    let inbox = officer.get("/api/v1/inbox").await.ok();
    let item = inbox["items"].as_array().unwrap().iter().find(|item| item["ticketId"] == open).unwrap();
    assert_eq!(time(&item["dueAt"]), due);
    let facts: Vec<(String, i64)> = sqlx::query_as(
        "select ticket_id::text, count(*) from analytics.fact where reason = $1 group by 1 order by 1",
    )
    .bind(RECOMPUTED)
    .fetch_all(&pool)
    .await
    .unwrap();
    let mut expected = vec![(open.clone(), 1), (paused.clone(), 1)];
    expected.sort();
    assert_eq!(facts, expected);
    platform.stop().await;

    // The same file again changes nothing; a wrong one is refused with what is wrong in it.
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let pool = platform.pool().await;
    assert_eq!(count(&pool, "select count(*) from routing.calendar").await, 2);
    none_is_outdated(&pool).await;
    platform.stop().await;
    a_wrong_calendar_is_refused(dir.path()).await;
}

async fn a_wrong_calendar_is_refused(dir: &Path) {
    let file = dir.join("bao.ics");
    let right = std::fs::read_to_string(&file).unwrap();
    for (wrong, says) in [
        (
            right.replace("UID:1", "UID:1\r\nRRULE:FREQ=YEARLY"),
            "bao.ics: event 1 (Nghỉ bão): RRULE is not understood",
        ),
        (right.replace("END:VEVENT\r\n", ""), "bao.ics: it is no iCalendar file"),
        ("Tết nghỉ 9 ngày".to_owned(), "bao.ics: it is no iCalendar file"),
    ] {
        std::fs::write(&file, wrong).unwrap();
        let mut command = tokio::process::Command::new(binary());
        command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(dir).kill_on_drop(true);
        let ended = tokio::time::timeout(Duration::from_mins(1), command.output()).await;
        let output = ended.expect("it does not serve with it").unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{error}");
        let error = error.replace('\n', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(says.split(": ").all(|part| error.contains(part)), "{says}: {error}");
    }
}

/// Each life dies in another gap of computing anew or of its facts. In the end every deadline was
/// changed, stated and kept once.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_every_gap_of_computing_anew_each_promise_changes_once() {
    const COPIES: i64 = 1_249;
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (ticket_id, _) = platform.rest().ask("Khi nào có kết quả?").await;
    platform.rest_as("officer", None).await.drafted(&ticket_id).await;
    platform.settle().await;
    let pool = platform.pool().await;
    for table in ["intake.ticket", "answering.answer", "routing.assignment"] {
        let copy = format!(
            "insert into {table} select (jsonb_populate_record(original, jsonb_build_object('ticket_id',
                 md5('copy ' || n)::uuid, 'request_id', md5('copy ' || n)::uuid, 'tracking_code', 'copy ' || n))).*
             from {table} original, generate_series(1, $1) n"
        );
        sqlx::query(sqlx::AssertSqlSafe(copy)).bind(COPIES).execute(&pool).await.unwrap();
    }
    days_off(dir.path(), &pool).await;
    platform.stop().await;
    let name = routing::DeadlineChanged::event_name();
    let gaps = [
        "before-recomputed calendar".to_owned(),
        "after-recomputed calendar".to_owned(),
        format!("before-publish {name}"),
        format!("before-mark {name}"),
        format!("before-effect:answering-DeadlineChanged {name}"),
        format!("before-ack:intake-DeadlineChanged {name}"),
    ];
    for gap in &gaps {
        let life = Platform::up_unless_killed(dir.path(), &[], &[("MOTCUA_KILL_AT", gap)]).await;
        let Some(mut platform) = life else { continue };
        let died = tokio::time::timeout(Duration::from_secs(90), platform.wait()).await;
        assert_eq!(died.unwrap_or_else(|_| panic!("{gap} was not reached")).code(), None, "{gap}");
    }
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let pool = platform.pool().await;
    none_is_outdated(&pool).await;
    platform.settle().await;
    let each = (COPIES + 1, COPIES + 1);
    for told in [
        "select count(distinct ticket_id), count(*) from routing.recomputation",
        "select count(distinct ticket_id), count(*) from bus.outbox where name = 'routing.v1.DeadlineChanged'",
        "select count(distinct ticket_id), count(*) from analytics.fact where reason = 'DEADLINE_CHANGE_RECOMPUTED'",
        "select count(distinct ticket_id), count(*) from intake.timeline where what = 'MILESTONE_RECOMPUTED'",
        "select count(distinct ticket_id), count(*) from routing.assignment r join answering.answer a using (ticket_id)
         join intake.ticket i using (ticket_id)
         where r.due_at = a.due_at and r.due_at = i.due_at and (r.deadline ->> 'version')::int = 2",
    ] {
        let counts: (i64, i64) = sqlx::query_as(told).fetch_one(&pool).await.unwrap();
        assert_eq!(counts, each, "{told}");
    }
    assert_eq!(count(&pool, "select count(*) from bus.dead_letter").await, 0);
    platform.stop().await;
}

/// Two processes with two files: in force is the one that started last, while a process lives that has it.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_calendars_the_one_of_the_latest_start_is_in_force_while_its_process_lives() {
    let servers = Servers::start().await;
    let pool = PgPool::connect(&servers.postgres.url()).await.unwrap();
    let dir = data_dir();
    for file in std::fs::read_dir(e2e::root().join("deploy/sample")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
    }
    let serve = async |organisation: Option<&Path>| {
        let mut command = servers.command();
        command.args(["serve", "routing"]).env("MOTCUA__GRPC__LISTEN", "127.0.0.1:0");
        if let Some(folder) = organisation {
            command.env("MOTCUA__ROUTING__ORGANISATION", folder.join("organisation.toml"));
        }
        serving(command.stdout(Stdio::piped()).kill_on_drop(true)).await
    };
    let newest = async || -> (i32, Value) {
        let newest = "select version, content from routing.calendar order by version desc limit 1";
        sqlx::query_as(newest).fetch_one(&pool).await.unwrap()
    };
    let first = serve(None).await;
    let (version, sample) = newest().await;
    assert_eq!(version, 1);
    let again = serve(Some(dir.path())).await;
    assert_eq!(newest().await, (1, sample.clone()), "a copy of the file is the same calendar");
    days_off(dir.path(), &pool).await;
    let mut second = serve(Some(dir.path())).await;
    let (version, other) = newest().await;
    assert_eq!(version, 2);
    assert_ne!(other, sample);
    second.kill().await.unwrap();
    // As two minutes later.
    let later = "update routing.calendar set seen_at = seen_at - interval '3 minutes' where version = 2";
    sqlx::query(later).execute(&pool).await.unwrap();
    let taken_up = until("the calendar of those that live", || async {
        let (version, content) = newest().await;
        (version > 2).then_some((version, content))
    })
    .await;
    assert_eq!(taken_up, (3, sample));
    drop((first, again));
    servers.nats.stop(false).await;
    servers.postgres.stop(false).await;
}
