//! Questions gathered for a working group outside, and its answers relayed to each asker: nothing lost,
//! nothing doubled, whoever dies when.

use std::{
    io::{Cursor, Read as _, Write as _},
    path::Path,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use e2e::{
    mail::MailServer,
    platform::{Platform, data_dir},
    rest::{Rest, question},
    until,
};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

const UNIT: &str = "cuc-y-te-du-phong";
const FIELD: &str = "y-te-cong-dong";
const GROUP: &str = "to-cong-tac-y-te";
const GROUP_ADDRESS: &str = "dau-moi@to-cong-tac.example";
const PHONE: &str = "0987654321";

/// The sample's plan, on every day from midnight: what waits is gathered as soon as the platform runs.
fn plans(dir: &Path) -> (String, String) {
    let sample = std::fs::read_to_string(e2e::root().join("deploy/sample/digests.toml")).unwrap();
    let days = "\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\", \"saturday\", \"sunday\"";
    let daily =
        sample.replace("\"monday\", \"thursday\"", days).replace("at = \"08:00:00\"", "at = \"00:00:00\"");
    assert_ne!(daily, sample);
    let file = dir.join("digests.toml");
    std::fs::write(&file, daily).unwrap();
    ("MOTCUA__ANSWERING__DIGESTS".to_owned(), file.display().to_string())
}

fn refs(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// Asks in the plan's field; returns (ticket id, tracking code).
async fn ask(rest: &Rest, text: &str, email: &str) -> (String, String) {
    let mut body = question(text);
    body["field"] = json!(FIELD);
    body["asker"] = json!({"name": "Chim Hoàng Yến", "email": email});
    let reply = rest.post("/api/v1/questions", &body).await.ok();
    let get = |key: &str| reply[key].as_str().unwrap().to_owned();
    (get("ticketId"), get("trackingCode"))
}

async fn gather(desk: &Rest) -> Value {
    let gathered = desk.post("/api/v1/digests", &json!({"code": "y-te-cong-dong"})).await.ok();
    gathered["digest"].clone()
}

/// A sheet as the group sends it back: item → (answer, reason of its return).
fn sheet(label: &str, rows: &[(u32, &str, &str)]) -> Value {
    let rows = rows.iter().map(|(item, answer, reason)| format!("{label};{item};\"{answer}\";{reason}\r\n"));
    json!({"csv": format!("Tổng hợp;Mục;Trả lời;Lý do trả lại\r\n{}", rows.collect::<String>())})
}

/// The document that was sent, as a word processor saves it when answers and reasons were typed into it.
fn document(sent: &Value, rows: &[(u32, &str, &str)]) -> Value {
    let sent = BASE64.decode(sent["document"].as_str().unwrap()).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(sent)).unwrap();
    let mut xml = String::new();
    archive.by_name("word/document.xml").unwrap().read_to_string(&mut xml).unwrap();
    let filled = xml.split("<w:tr>").map(|row| {
        let mut cells: Vec<String> = row.split("<w:tc>").map(str::to_owned).collect();
        for (number, answer, reason) in rows {
            if cells.get(2).is_some_and(|cell| cell.contains(&format!(">{number}</w:t>"))) {
                for (cell, text) in [(6, answer), (7, reason)] {
                    let typed = cells[cell].replace("</w:p>", &format!("<w:r><w:t>{text}</w:t></w:r></w:p>"));
                    assert_ne!(typed, cells[cell], "the cell has a paragraph");
                    cells[cell] = typed;
                }
            }
        }
        cells.join("<w:tc>")
    });
    let filled: Vec<String> = filled.collect();
    let mut saved = zip::ZipWriter::new(Cursor::new(Vec::new()));
    saved.start_file("word/document.xml", zip::write::SimpleFileOptions::default()).unwrap();
    saved.write_all(filled.join("<w:tr>").as_bytes()).unwrap();
    json!({"sheet": BASE64.encode(saved.finish().unwrap().into_inner())})
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn outcomes(imported: &Value) -> Vec<&str> {
    let items = imported["items"].as_array().unwrap().iter();
    items.map(|item| item["outcome"].as_str().unwrap().trim_start_matches("IMPORT_OUTCOME_")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_goes_out_on_its_day_and_its_answers_reach_each_asker() {
    let (dir, server) = (data_dir(), MailServer::start());
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let mut tickets = Vec::new();
    for (n, text) in
        ["Tiêm nhắc lại ở đâu?", "Xe buýt số 9 đi đâu?", "Có phải đeo khẩu trang?"].iter().enumerate()
    {
        let text = format!("{text} Gọi tôi: {PHONE}");
        tickets.push(ask(&platform.rest(), &text, &format!("nguoi-{n}@thu.example")).await);
    }
    for (ticket_id, _) in &tickets {
        platform.rest_as("officer", None).await.drafted(ticket_id).await;
    }
    platform.stop().await;

    let mut environment = server.environment();
    environment.push(plans(dir.path()));
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let focal = platform.rest_as("focal", Some(GROUP)).await;
    let digest = until("the digest of the day", || async {
        focal.get("/api/v1/digests?open=true").await.ok()["digests"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!((&digest["number"], &digest["items"], &digest["waiting"]), (&json!(1), &json!(3), &json!(3)));
    let path = format!("/api/v1/digests/{}", digest["digestId"].as_str().unwrap());
    let whole = focal.get(&path).await.ok();
    let manifest = whole["manifest"].as_str().unwrap();
    let sha256 = hex(&Sha256::digest(manifest));
    assert_eq!(digest["sha256"], sha256);
    let letter = server.mail(1).await;
    let csv = letter.part("text/csv");
    assert_eq!(letter.to, [GROUP_ADDRESS]);
    assert!(letter.text().contains(&sha256) && csv.contains("Tiêm nhắc lại ở đâu?"), "{letter:?}");
    for text in [manifest, &csv, &letter.part("text/html; charset=utf-8"), &letter.raw, &whole.to_string()] {
        for private in [PHONE, "Chim", "thu.example"] {
            assert!(!text.contains(private), "{private} left: {text}");
        }
    }
    // The sheet of REST is the mail's.
    assert_eq!(
        focal.get(&format!("{path}/sheet")).await.ok()["csv"].as_str().unwrap().replace("\r\n", "\n"),
        csv
    );

    answers_come_back(&platform, &focal, &path, &tickets, &whole).await;
    for (n, (_, code)) in tickets.iter().enumerate().take(1) {
        let to = format!("nguoi-{n}@thu.example");
        let mail = until("the asker's mail", || async {
            server
                .taken()
                .into_iter()
                .find(|mail| mail.to == [to.as_str()] && mail.text().contains("Trạm y tế phường"))
        })
        .await;
        assert!(mail.text().contains(code));
    }
    others_see_nothing(&platform, &path).await;
    platform.stop().await;
}

/// The number of the item of a ticket.
fn item_of(whole: &Value, ticket_id: &str) -> u32 {
    let items = whole["items"].as_array().unwrap().iter();
    let item = items.clone().find(|item| item["ticketId"] == ticket_id).unwrap();
    u32::try_from(item["number"].as_u64().unwrap()).unwrap()
}

async fn answers_come_back(
    platform: &Platform,
    focal: &Rest,
    path: &str,
    tickets: &[(String, String)],
    whole: &Value,
) {
    let numbers: Vec<u32> = tickets.iter().map(|(ticket_id, _)| item_of(whole, ticket_id)).collect();
    let import = format!("{path}/import");
    let label = "y-te-cong-dong/1";
    focal
        .post(&import, &sheet("y-te-cong-dong/2", &[(1, "x", "")]))
        .await
        .refused(400, "SHEET_OF_OTHER_DIGEST");
    focal.post(&import, &json!({"csv": "a,b\n"})).await.refused(400, "SHEET_NOT_READABLE");
    let rows = [
        (numbers[0], "Trạm y tế phường; giờ hành chính.", ""),
        (numbers[1], "", "Ngoài phạm vi"),
        (numbers[2], "", ""),
    ];
    let filled = sheet(label, &rows);
    let sent = focal.get(&format!("{path}/sheet")).await.ok();
    assert_eq!(sent["documentName"], "y-te-cong-dong-1.docx");
    let imported = focal.post(&import, &document(&sent, &rows)).await.ok();
    assert_eq!(outcomes(&imported), ["ANSWERED", "RETURNED", "UNCHANGED"], "{imported}");
    assert_eq!(imported["waiting"], 1);
    // The same as CSV: it was done.
    let again = focal.post(&import, &filled).await.ok();
    assert_eq!(outcomes(&again), ["UNCHANGED"; 3], "{again}");
    let other = focal
        .post(&import, &sheet(label, &[(numbers[0], "Khác", ""), (99, "x", ""), (numbers[2], "x", "y")]))
        .await
        .ok();
    let reasons: Vec<_> =
        other["items"].as_array().unwrap().iter().map(|item| item["reason"].clone()).collect();
    assert_eq!(reasons, ["ITEM_ENDED", "ITEM_NOT_FOUND", "ITEM_ENDED_TWICE"]);

    let rest = platform.rest();
    let answered = rest.followed(&tickets[0].1, "TICKET_STATE_ANSWERED").await;
    assert_eq!(answered["answer"]["text"], "Trạm y tế phường; giờ hành chính.");
    // What the group returned waits in its unit; what its officer answers leaves the digest.
    let officer = platform.rest_as("officer", Some(UNIT)).await;
    officer.drafted(&tickets[1].0).await;
    officer.approve(&tickets[2].0, Some("Ở bệnh viện thì có.")).await;
    let whole = focal.get(path).await.ok();
    let state = |n: usize| whole["items"][usize::try_from(numbers[n]).unwrap() - 1]["state"].clone();
    let states = [0, 1, 2].map(state);
    assert_eq!(
        states,
        ["ANSWERED", "RETURNED", "WITHDRAWN"].map(|s| json!(format!("DIGEST_ITEM_STATE_{s}")))
    );
    assert!(whole["digest"]["closedAt"].is_string(), "{whole}");
    assert_eq!(
        whole["items"][usize::try_from(numbers[0]).unwrap() - 1]["endedBy"],
        format!("{GROUP}/script")
    );
    let late = json!({"number": numbers[2], "text": "Muộn"});
    focal.post(&format!("{path}/answer"), &late).await.refused(409, "ITEM_ENDED");
    // None of them is gathered a second time.
    let desk = platform.rest_as("dispatcher", None).await;
    desk.post("/api/v1/digests", &json!({"code": "y-te-cong-dong"})).await.refused(409, "DIGEST_EMPTY");
    desk.post("/api/v1/digests", &json!({"code": "khac"})).await.refused(404, "DIGEST_PLAN_NOT_FOUND");
}

async fn others_see_nothing(platform: &Platform, path: &str) {
    for (role, unit) in [("officer", "vu-phap-che"), ("focal", "nhom-khac")] {
        let other = platform.rest_as(role, Some(unit)).await;
        other.get(path).await.refused(404, "DIGEST_NOT_FOUND");
        assert_eq!(other.get("/api/v1/digests").await.ok()["digests"], json!([]));
        let answer = json!({"number": 1, "text": "x"});
        other.post(&format!("{path}/answer"), &answer).await.refused(404, "DIGEST_NOT_FOUND");
    }
    let focal = platform.rest_as("focal", Some(GROUP)).await;
    let withdraw = json!({"number": 1, "reason": "x"});
    focal.post(&format!("{path}/withdraw"), &withdraw).await.refused(403, "ROLE_NOT_ALLOWED");
    focal.post("/api/v1/digests", &json!({"code": "y-te-cong-dong"})).await.refused(403, "ROLE_NOT_ALLOWED");
    focal.get("/api/v1/inbox").await.refused(403, "ROLE_NOT_ALLOWED");
    platform.rest_as("focal", None).await.get(path).await.refused(403, "GROUP_NOT_NAMED");
    platform.rest().get(path).await.refused(401, "TOKEN_MISSING");
}

/// Each life dies in another gap of gathering or relaying.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_gathering_and_relaying_nothing_is_lost_or_doubled() {
    let (dir, server) = (data_dir(), MailServer::start());
    let mut environment = server.environment();
    environment.push(plans(dir.path()));
    let gaps = ["before-gathered", "after-gathered", "before-relayed", "after-relayed", "between-imported"];
    for (life, gap) in gaps.iter().enumerate() {
        let mut killing = environment.clone();
        killing.push(("MOTCUA_KILL_AT".into(), format!("{gap} digest")));
        let started = Platform::up_unless_killed(dir.path(), &[], &refs(&killing)).await;
        let Some(mut platform) = started else { continue };
        let officer = platform.rest_as("dispatcher", None).await;
        for n in 0..2 {
            let text = format!("Lần {life}, câu {n}: {gap} thì sao?");
            let (ticket_id, _) = ask(&platform.rest(), &text, "nguoi@thu.example").await;
            officer.drafted(&ticket_id).await;
        }
        let deadline = tokio::time::Instant::now() + Duration::from_secs(90);
        while platform.ended().is_none() {
            drive(&officer).await;
            assert!(tokio::time::Instant::now() < deadline, "{gap} was not reached: {}", platform.log());
        }
        assert_eq!(platform.wait().await.code(), None, "{gap}: killed, not ended");
    }
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let desk = platform.rest_as("dispatcher", None).await;
    let pool = platform.pool().await;
    until("every item to be answered", || async {
        drive(&desk).await;
        let open = count(&pool, "select count(*) from answering.answer where state <> 'approved'").await;
        (open == 0).then_some(())
    })
    .await;
    platform.settle().await;
    once(&platform, &server).await;
    platform.stop().await;
}

/// Gathers what waits, and sends the answers of every open digest back.
async fn drive(desk: &Rest) -> Option<()> {
    let body = |json: Value| Some(json.to_string().into_bytes());
    desk.send(Method::POST, "/api/v1/digests", body(json!({"code": "y-te-cong-dong"}))).await?;
    let listed = desk.send(Method::GET, "/api/v1/digests?open=true", None).await?;
    if !listed.status.is_success() {
        return None;
    }
    for digest in listed.json()["digests"].as_array()? {
        let label = format!("y-te-cong-dong/{}", digest["number"]);
        let items = u32::try_from(digest["items"].as_u64()?).ok()?;
        let answers: Vec<String> = (1..=items).map(|n| format!("Trả lời {label} mục {n}")).collect();
        let rows: Vec<_> = (1..).zip(&answers).map(|(n, answer)| (n, answer.as_str(), "")).collect();
        let path = format!("/api/v1/digests/{}/import", digest["digestId"].as_str()?);
        desk.send(Method::POST, &path, body(sheet(&label, &rows))).await?;
    }
    Some(())
}

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

async fn once(platform: &Platform, server: &MailServer) {
    let pool = platform.pool().await;
    let tickets = count(&pool, "select count(*) from intake.ticket").await;
    assert!(tickets >= 2);
    assert_eq!(count(&pool, "select count(*) from answering.digest_item").await, tickets);
    assert_eq!(
        count(
            &pool,
            "select count(*) from answering.digest_item i join answering.answer a using (ticket_id)
             where i.state = 'answered' and a.state = 'approved' and a.answer_text = i.answer"
        )
        .await,
        tickets,
        "each item says what its asker was told"
    );
    assert_eq!(count(&pool, "select count(*) from answering.digest where closed_at is null").await, 0);
    let approvals = "select count(*) from analytics.fact where name = 'answering.v1.AnswerApproved'";
    assert_eq!(count(&pool, approvals).await, tickets);
    assert_eq!(count(&pool, "select count(*) from intake.ticket where state = 'answered'").await, tickets);
    assert_eq!(count(&pool, "select count(*) from bus.dead_letter").await, 0);
    // A process may have died while it sent: then it is known to be unknown.
    let operator = platform.rest_as("operator", None).await;
    until("the letters", || async {
        let path = "/api/v1/notices?state=NOTICE_STATE_";
        let waiting = operator.get(&format!("{path}WAITING")).await.ok()["notices"].as_array()?.len();
        let sending = operator.get(&format!("{path}SENDING")).await.ok()["notices"].as_array()?.len();
        (waiting + sending == 0).then_some(())
    })
    .await;
    let unsure = count(&pool, "select count(*) from bus.notice where state = 'unsure'").await;
    let told = count(&pool, "select count(*) from bus.notice").await;
    assert_eq!(count(&pool, "select count(*) from bus.notice where state in ('sent', 'unsure')").await, told);
    let mails = server.taken();
    let sent = i64::try_from(mails.len()).unwrap();
    assert!((told - unsure..=told).contains(&sent), "{sent} of {told}, {unsure} unsure");
    let mut ids: Vec<_> = mails.iter().map(|mail| mail.header("Message-ID").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), mails.len(), "no letter twice");
    let digests = count(&pool, "select count(*) from answering.digest").await;
    assert_eq!(count(&pool, "select count(*) from bus.notice where queue = 'answering'").await, digests);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_answers_at_once_one_is_told_and_a_late_digest_is_reminded_of_once() {
    let (dir, server) = (data_dir(), MailServer::start());
    let mut environment = server.environment();
    environment.push(plans(dir.path()));
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let desk = platform.rest_as("dispatcher", None).await;
    for text in ["Hai đầu mối cùng trả lời thì sao?", "Không ai trả lời thì sao?"] {
        let (ticket_id, _) = ask(&platform.rest(), text, "").await;
        desk.drafted(&ticket_id).await;
    }
    let digest = gather(&desk).await;
    let path = format!("/api/v1/digests/{}", digest["digestId"].as_str().unwrap());
    server.mail(1).await;
    let answer = |text: &'static str| {
        let (desk, path) = (desk.clone(), path.clone());
        async move { desk.post(&format!("{path}/answer"), &json!({"number": 1, "text": text})).await }
    };
    let (one, other) = tokio::join!(answer("Ai nhanh hơn."), answer("Ai chậm hơn."));
    let (done, refused): (Vec<_>, Vec<_>) =
        [one, other].into_iter().partition(|reply| reply.status.is_success());
    assert_eq!((done.len(), refused.len()), (1, 1), "{done:?} {refused:?}");
    refused[0].refused(409, "ITEM_ENDED");
    platform.settle().await;
    let pool = platform.pool().await;
    let approvals = "select count(*) from analytics.fact where name = 'answering.v1.AnswerApproved'";
    assert_eq!(count(&pool, approvals).await, 1);

    // Gathered eight days ago: of three reminders only the last is sent, once.
    sqlx::query("update answering.digest set gathered_at = gathered_at - interval '8 days', due_at = now() - interval '3 days'")
        .execute(&pool)
        .await
        .unwrap();
    let reminder = server.mail(2).await;
    assert!(reminder.text().contains("còn 1 câu chưa có trả lời"), "{}", reminder.text());
    assert!(!reminder.part("text/csv").contains("Hai đầu mối"), "only what waits is enclosed");
    platform.stop().await;
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let desk = platform.rest_as("dispatcher", None).await;
    assert_eq!(desk.get(&path).await.ok()["digest"]["reminded"], 3);
    // The page says that it is late; its form returns the item, and nothing waits any more.
    let page = format!("/can-bo/tong-hop/{}", digest["digestId"].as_str().unwrap());
    let listed = desk.page("/can-bo/tong-hop", None).await.text;
    assert!(listed.contains("Quá hạn") && listed.contains("y-te-cong-dong/1"), "{listed}");
    let shown = desk.page(&page, None).await.text;
    assert!(shown.contains("Không ai trả lời thì sao?"), "{shown}");
    let refused = desk.page(&format!("{page}/muc"), Some("number=2&how=return&text=".into())).await;
    assert!(refused.status == 400 && refused.text.contains("Không ai trả lời thì sao?"), "{refused:?}");
    let sent = desk.get(&format!("{path}/sheet")).await.ok();
    let sent = BASE64.decode(sent["document"].as_str().unwrap()).unwrap();
    let shown = desk.upload(&format!("{page}/nhap"), "sheet", "y-te.docx", &sent).await.text;
    assert!(shown.contains("2: Không đổi"), "{shown}");
    let form = "number=2&how=return&text=Ngo%C3%A0i+ph%E1%BA%A1m+vi";
    let shown = desk.page(&format!("{page}/muc"), Some(form.into())).await.text;
    assert!(shown.contains("Nhóm trả lại") && shown.contains("Ngoài phạm vi"), "{shown}");
    let sheet = desk.page(&format!("{page}/csv"), None).await.text;
    assert!(sheet.contains("Tổng hợp,Mục") && !sheet.contains("Không ai"), "{sheet}");
    assert!(desk.get(&path).await.ok()["digest"]["closedAt"].is_string());
    assert_eq!(server.taken().len(), 2);
    platform.stop().await;
}

/// The draft's source is no basis of an answer that a group wrote: it never saw the draft.
#[tokio::test(flavor = "multi_thread")]
async fn a_groups_answer_names_its_basis_itself_where_the_unit_asks_for_one() {
    let dir = data_dir();
    let policies = dir.path().join("quy-tac.toml");
    let text = format!(
        "[co_answer]\nunits_max = 3\n[[policy]]\ncode = \"chung\"\nsource = \"thử nghiệm\"\n
         [[policy]]\ncode = \"y-te\"\nunit = \"{UNIT}\"\nsource = \"thử nghiệm\"\nbasis = true\ngate = [\"basis\"]\n"
    );
    std::fs::write(&policies, text).unwrap();
    let replies = ("MOTCUA__ANSWERING__REPLIES".to_owned(), policies.display().to_string());
    let environment = [plans(dir.path()), replies];
    let platform = Platform::up(dir.path(), &["--sample"], &refs(&environment)).await;
    let text = "Tôi đã tiêm mũi 1 được bao lâu thì được tiêm mũi 2 vắc xin phòng COVID-19?";
    let (ticket_id, code) = ask(&platform.rest(), text, "nguoi-hoi@thu.example").await;
    let officer = platform.rest_as("officer", Some(UNIT)).await;
    let drafted = officer.drafted(&ticket_id).await;
    assert!(!drafted["draft"]["sources"].as_array().unwrap().is_empty(), "{drafted}");
    // At midnight the plan's own time gathers; what it has gathered is not gathered again.
    let focal = platform.rest_as("focal", Some(GROUP)).await;
    let desk = platform.rest_as("dispatcher", None).await;
    let digest = until("the digest", || async {
        desk.post("/api/v1/digests", &json!({"code": "y-te-cong-dong"})).await;
        focal.get("/api/v1/digests?open=true").await.ok()["digests"].as_array()?.first().cloned()
    })
    .await;
    let answer = format!("/api/v1/digests/{}/answer", digest["digestId"].as_str().unwrap());
    let refused = focal.post(&answer, &json!({"number": 1, "text": "Từ ba đến mười hai tuần."})).await;
    refused.refused(409, "STYLE_NOT_MET");
    let text = "Theo Thông tư số 10/2024/TT-BYT, từ ba đến mười hai tuần.";
    focal.post(&answer, &json!({"number": 1, "text": text})).await.ok();
    assert_eq!(platform.rest().followed(&code, "TICKET_STATE_ANSWERED").await["answer"]["text"], text);
    platform.stop().await;
}
