//! Question families on the real platform: many ask the same, an officer answers once.

use std::time::Duration;

use api::{Event as _, answering::v1 as answering, knowledge::v1 as knowledge};
use e2e::{
    platform::{Platform, data_dir},
    repeat::say_again,
    rest::Rest,
    until,
};
use reqwest::Method;
use serde_json::{Value, json};

const CENTRE: &str = "Sau khi tiêm mũi 2 vắc xin Covid-19 bao lâu thì được tiêm mũi 3?";

/// The same words, written otherwise.
const VARIANTS: [&str; 3] = [
    "  sau khi tiêm  mũi 2 vắc xin COVID-19 bao lâu thì được tiêm mũi 3 ???",
    "SAU KHI TIEM MUI 2 VAC XIN COVID-19 BAO LAU THI DUOC TIEM MUI 3",
    "Sau khi tiêm mũi 2 vắc xin Covid-19 bao lâu thì được tiêm mũi 3",
];

/// The same question in other words.
const REWORDED: &str = "Xin hỏi: sau khi tiêm mũi 2 vắc xin Covid-19 thì bao lâu được tiêm mũi 3 ạ?";

/// A slot differs: another question.
const OTHER: &str = "Sau khi tiêm mũi 1 vắc xin Covid-19 bao lâu thì được tiêm mũi 2?";

async fn ticket(officer: &Rest, ticket_id: &str) -> Value {
    officer.get(&format!("/api/v1/tickets/{ticket_id}")).await.ok()
}

/// The centre, once so many hang on it.
async fn family_of(officer: &Rest, centre: &str, size: u64) -> Value {
    until("the family to gather", || async move {
        let reply = officer.send(Method::GET, &format!("/api/v1/tickets/{centre}"), None).await?;
        let found = reply.status.is_success().then(|| reply.json())?;
        (found["familySize"] == size).then_some(found)
    })
    .await
}

async fn inbox(officer: &Rest, query: &str) -> Vec<Value> {
    let json = officer.get(&format!("/api/v1/inbox{query}")).await.ok();
    json["items"].as_array().expect("a list").clone()
}

fn listed<'a>(items: &'a [Value], ticket_id: &str) -> Option<&'a Value> {
    items.iter().find(|item| item["ticketId"] == ticket_id)
}

/// Asks one after the other, each drafted before the next, so that it is known who is first.
async fn ask_all(asker: &Rest, officer: &Rest, texts: &[&str]) -> Vec<(String, String)> {
    let mut asked = Vec::new();
    for text in texts {
        let ticket = asker.ask(text).await;
        officer.drafted(&ticket.0).await;
        asked.push(ticket);
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn one_approval_answers_all_that_ask_the_same_and_nobody_else() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[("MOTCUA__ANSWERING__FAMILY_BATCH", "2")]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let texts: Vec<&str> = [CENTRE].into_iter().chain(VARIANTS).chain([REWORDED, OTHER]).collect();
    let asked = ask_all(&asker, &officer, &texts).await;
    let (centre, other) = (&asked[0].0, &asked[5].0);
    let found = family_of(&officer, centre, 4).await;
    platform.settle().await;

    // The officer sees one line with its count, the other question, and why each hangs there.
    let items = inbox(&officer, "").await;
    assert_eq!(items.len(), 2, "{items:?}");
    assert_eq!(listed(&items, centre).unwrap()["familySize"], 4);
    assert_eq!(listed(&items, other).unwrap()["familySize"], 0);
    let all = inbox(&officer, "?members=true").await;
    assert_eq!(all.len(), 6);
    assert_eq!(listed(&all, &asked[1].0).unwrap()["centreTicketId"], centre.as_str());
    officer.get("/api/v1/inbox?members=vâng").await.refused(400, "NOT_A_FLAG");
    let exact: Vec<_> = found["family"].as_array().unwrap().iter().map(|m| m["exact"] == true).collect();
    assert_eq!(exact, [true, true, true, false], "{found}");
    assert!(found["family"][3]["probability"].as_f64().unwrap() > 0.5, "{found}");
    assert_eq!(ticket(&officer, &asked[1].0).await["centreTicketId"], centre.as_str());

    // One is taken out first: it waits on its own.
    let (apart, version) = (&asked[2], &found["family"][1]["version"]);
    assert_eq!(found["family"][1]["ticketId"], apart.0.as_str());
    let body = json!({"memberTicketId": apart.0, "version": version, "reason": "Hỏi trường hợp khác"});
    let path = format!("/api/v1/tickets/{centre}/family/detach");
    assert_eq!(officer.post(&path, &body).await.ok()["familySize"], 3);
    assert_eq!(officer.post(&path, &body).await.ok()["familySize"], 3, "a repeat is harmless");
    assert_eq!(listed(&inbox(&officer, "").await, &apart.0).unwrap()["familySize"], 0);

    // Approved once; each asker has the answer, its own receipt and its own rating.
    officer.approve(centre, Some("Sau 3 tháng.")).await;
    for (at, (_, code)) in asked.iter().enumerate().filter(|(at, _)| *at != 2 && *at != 5) {
        let answered = asker.followed(code, "TICKET_STATE_ANSWERED").await;
        assert_eq!(answered["answer"]["text"], "Sau 3 tháng.");
        let score = u32::try_from(5 - at).unwrap();
        asker.post(&format!("/api/v1/questions/{code}/rating"), &json!({"score": score.max(3)})).await.ok();
    }
    platform.settle().await;
    for (_, code) in [&asked[2], &asked[5]] {
        asker.followed(code, "TICKET_STATE_ROUTED").await;
    }
    let answered_with = ticket(&officer, &asked[1].0).await;
    assert_eq!(
        (&answered_with["state"], &answered_with["centreTicketId"]),
        (&json!("ANSWER_STATE_APPROVED"), &json!(centre))
    );
    each_told_once(&platform, 4).await;

    // The family's answer is one passage, and what was detached is answered by itself.
    let pool = platform.pool().await;
    let passages: i64 =
        sqlx::query_scalar("select count(*) from knowledge.passage").fetch_one(&pool).await.unwrap();
    assert_eq!(passages, 1);
    officer.approve(&apart.0, Some("Tùy loại vắc xin.")).await;
    let answered = asker.followed(&apart.1, "TICKET_STATE_ANSWERED").await;
    assert_eq!(answered["answer"]["text"], "Tùy loại vắc xin.");
    platform.stop().await;
}

/// So many tickets are answered, each by one fact, and nothing is stuck.
async fn each_told_once(platform: &Platform, answered: i64) {
    let pool = platform.pool().await;
    let count = async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap() };
    let facts = "select count(*) from bus.outbox where name = 'answering.v1.AnswerApproved'";
    assert_eq!(count(facts).await, answered);
    assert_eq!(
        count("select count(*) from intake.timeline where what = 'MILESTONE_ANSWERED'").await,
        answered
    );
    assert_eq!(
        count("select count(distinct ticket_id) from intake.timeline where what = 'MILESTONE_ANSWERED'")
            .await,
        answered
    );
    assert_eq!(count("select count(*) from answering.answer where state = 'approved'").await, answered);
    assert_eq!(count("select count(*) from answering.family_member where ending is not null").await, 0);
    assert_eq!(count("select count(*) from bus.dead_letter").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_join_and_separate_and_a_centre_that_goes_strands_nobody() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let dispatcher = platform.rest_as("dispatcher", None).await;
    let texts = ["Con mèo nhà bên sủa lúc nửa đêm thì báo ai?", "Đăng ký nuôi vịt trời ở đâu?"];
    let asked = ask_all(&asker, &officer, &[texts[0], texts[1], texts[0], texts[0]]).await;
    let (centre, stranger) = (&asked[0].0, &asked[1].0);
    family_of(&officer, centre, 2).await;

    // Joined by hand, refused where it makes no sense, separated again, joined again.
    let path = |ticket_id: &str, verb: &str| format!("/api/v1/tickets/{ticket_id}/family/{verb}");
    let member = json!({"memberTicketId": stranger, "reason": "Cùng một việc"});
    assert_eq!(officer.post(&path(centre, "attach"), &member).await.ok()["familySize"], 3);
    assert_eq!(officer.post(&path(centre, "attach"), &member).await.ok()["familySize"], 3);
    let seen = ticket(&officer, centre).await;
    let joined = seen["family"].as_array().unwrap().iter().find(|m| m["ticketId"] == stranger.as_str());
    assert_eq!(joined.unwrap()["reasons"], json!(["Cán bộ gộp vào nhóm", "Cùng một việc"]));
    let with = |ticket_id: &str| json!({"memberTicketId": ticket_id});
    officer.post(&path(centre, "attach"), &with(centre)).await.refused(400, "MEMBER_IS_CENTRE");
    officer.post(&path(stranger, "attach"), &with(centre)).await.refused(409, "CENTRE_IS_MEMBER");
    officer.post(&path(stranger, "detach"), &with(centre)).await.refused(409, "NOT_IN_FAMILY");
    officer.post(&path(centre, "attach"), &with("7")).await.refused(400, "TICKET_ID_NOT_VALID");
    let stale = json!({"memberTicketId": stranger, "version": 1});
    officer.post(&path(centre, "detach"), &stale).await.refused(409, "STALE_VERSION");
    let foreign = platform.rest_as("officer", Some("vu-phap-che")).await;
    foreign.post(&path(centre, "attach"), &member).await.refused(404, "TICKET_NOT_FOUND");
    platform
        .rest_as("analyst", None)
        .await
        .post(&path(centre, "attach"), &member)
        .await
        .refused(403, "ROLE_NOT_ALLOWED");
    assert_eq!(officer.post(&path(centre, "detach"), &member).await.ok()["familySize"], 2);
    assert_eq!(officer.post(&path(centre, "attach"), &member).await.ok()["familySize"], 3);

    // The centre is moved: all wait on their own, and those with the same words find each other.
    let assign = format!("/api/v1/tickets/{centre}/assign");
    dispatcher.post(&assign, &json!({"unit": "vu-phap-che"})).await.ok();
    let (second, third) = (&asked[2].0, &asked[3].0);
    let new_centre = until("a new family", || async {
        let items = inbox(&officer, "").await;
        let gathered = items.iter().find(|item| item["familySize"] == 1)?;
        (items.len() == 3).then(|| gathered["ticketId"].as_str().unwrap().to_owned())
    })
    .await;
    assert!([second, third].contains(&&new_centre));
    let items = inbox(&officer, "").await;
    assert_eq!(listed(&items, centre).unwrap()["familySize"], 0);
    assert_eq!(listed(&items, stranger).unwrap()["familySize"], 0);
    officer.post(&path(centre, "attach"), &with(stranger)).await.refused(409, "UNITS_DIFFER");

    // A member is returned: it leaves; the centre is approved: the one that left is not answered.
    let member = if *new_centre == **second { third } else { second };
    let back = json!({"reason": "Không thuộc đơn vị", "suggestedUnit": "vu-phap-che"});
    officer.post(&format!("/api/v1/tickets/{member}/return"), &back).await.ok();
    officer.approve(&new_centre, Some("Báo công an xã.")).await;
    platform.settle().await;
    let pool = platform.pool().await;
    let approved: i64 = sqlx::query_scalar("select count(*) from answering.answer where state = 'approved'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(approved, 1);
    // In its new unit it finds the old centre again.
    family_of(&officer, centre, 1).await;
    traced(&platform).await;
    platform.stop().await;
}

/// Every joining and leaving is in the trace and was told.
async fn traced(platform: &Platform) {
    platform.settle().await;
    let pool = platform.pool().await;
    let trace: Vec<(String, i64)> = sqlx::query_as(
        "select what || ' ' || reason, count(*) from answering.family_trace group by 1 order by 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let told: Vec<(String, i64)> = sqlx::query_as(
        "select case when name like '%Joined' then 'joined ' else 'left ' end || reason, count(*)
         from analytics.fact where name like 'answering.v1.Family%' group by 1 order by 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(trace, told);
    let named = |name: &str| trace.iter().any(|(what, _)| what == name);
    for name in [
        "joined FAMILY_REASON_OFFICER",
        "left FAMILY_REASON_OFFICER",
        "left FAMILY_REASON_CENTRE_LEFT",
        "left FAMILY_REASON_RETURNED",
    ] {
        assert!(named(name), "{name}: {trace:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_show_the_family_and_its_buttons_work() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let asked = ask_all(&asker, &officer, &[CENTRE, VARIANTS[0], VARIANTS[1]]).await;
    let (centre, member) = (&asked[0].0, &asked[1].0);
    let seen = family_of(&officer, centre, 2).await;
    assert!(officer.page("/can-bo", None).await.text.contains("×2 câu tương tự"));
    let path = format!("/can-bo/phieu/{centre}");
    let page = officer.page(&path, None).await.text;
    for shown in ["×2 câu tương tự", "Tách khỏi nhóm", "Gộp vào nhóm", "cho cả nhóm", member.as_str()]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let members = officer.page(&format!("/can-bo/phieu/{member}"), None).await.text;
    assert!(members.contains("câu hỏi đứng đầu nhóm") && members.contains(centre.as_str()), "{members}");

    let of = seen["family"].as_array().unwrap().iter().find(|m| m["ticketId"] == member.as_str()).unwrap();
    let form = format!("member={member}&version={}", of["version"]);
    let page = officer.page(&format!("{path}/tach"), Some(form.clone())).await;
    assert!(page.status.is_success() && page.text.contains("×1 câu tương tự"), "{page:?}");
    let page = officer.page(&format!("{path}/gop"), Some(form)).await;
    assert!(page.status == 409 && page.text.contains("đã thay đổi từ khi bạn mở"), "{page:?}");
    let page = officer.page(&format!("{path}/gop"), Some(format!("member={member}&reason=nham"))).await;
    assert!(page.status.is_success() && page.text.contains("×2 câu tương tự"), "{page:?}");
    let page = officer.page(&format!("{path}/gop"), Some("member=7".to_owned())).await;
    assert!(page.text.contains("Mã phiếu không đúng dạng"), "{page:?}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_ask_the_same_at_once_find_each_other() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let asked = (0..24).map(|n| {
        let (asker, text) = (asker.clone(), VARIANTS[n % VARIANTS.len()]);
        async move { asker.ask(text).await }
    });
    let asked = futures::future::join_all(asked).await;
    platform.settle().await;
    let items = inbox(&officer, "").await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0]["familySize"], 23);
    officer.approve(items[0]["ticketId"].as_str().unwrap(), Some("Sau 3 tháng.")).await;
    for (_, code) in &asked {
        asker.followed(code, "TICKET_STATE_ANSWERED").await;
    }
    platform.settle().await;
    each_told_once(&platform, 24).await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_index_is_made_anew_and_facts_that_come_again_change_nothing() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let asked = ask_all(&asker, &officer, &[CENTRE, VARIANTS[1]]).await;
    let centre = &asked[0].0;
    family_of(&officer, centre, 1).await;
    platform.settle().await;
    platform.stop().await;
    let lost = std::fs::read_dir(dir.path().join("index")).unwrap().map(|entry| entry.unwrap().path());
    for folder in lost.filter(|folder| folder.to_string_lossy().ends_with("-open")) {
        std::fs::remove_dir_all(folder).unwrap();
    }

    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let (reworded, _) = asker.ask(REWORDED).await;
    family_of(&officer, centre, 2).await;
    let detach = format!("/api/v1/tickets/{centre}/family/detach");
    officer.post(&detach, &json!({"memberTicketId": reworded})).await.ok();
    platform.settle().await;
    say_again(&platform, "twice").await;
    assert_eq!(ticket(&officer, centre).await["familySize"], 1, "what was separated stays apart");
    officer.approve(centre, Some("Sau 3 tháng.")).await;
    asker.followed(&asked[1].1, "TICKET_STATE_ANSWERED").await;
    platform.settle().await;
    let before = effects(&platform).await;
    say_again(&platform, "thrice").await;
    assert_eq!(effects(&platform).await, before);
    sqlx::query("delete from bus.inbox").execute(&platform.pool().await).await.unwrap();
    say_again(&platform, "for the fourth time").await;
    assert_eq!(effects(&platform).await, before);
    each_told_once(&platform, 2).await;
    platform.stop().await;
}

async fn effects(platform: &Platform) -> Vec<(String, i64)> {
    sqlx::query_as(
        "select 'outbox', count(*) from bus.outbox
         union all select 'inbox', count(*) from bus.inbox
         union all select 'timeline', count(*) from intake.timeline
         union all select 'version', sum(version) from answering.answer
         union all select 'member', count(*) from answering.family_member
         union all select 'trace', count(*) from answering.family_trace
         union all select 'open', count(*) from knowledge.open_question where open
         union all select 'passage', count(*) from knowledge.passage order by 1",
    )
    .fetch_all(&platform.pool().await)
    .await
    .unwrap()
}

/// The gaps on a family's way, in the order in which it reaches them.
fn gaps() -> Vec<String> {
    let (alike, joined, approved) = (
        knowledge::QuestionsAlike::event_name(),
        answering::FamilyJoined::event_name(),
        answering::AnswerApproved::event_name(),
    );
    let relay = [&alike, &joined].map(|name| format!("before-mark {name}"));
    let heard = [
        ("before-ack:knowledge-QuestionRouted", api::routing::v1::QuestionRouted::event_name()),
        ("before-effect:answering-QuestionsAlike", alike),
        ("before-ack:answering-QuestionsAlike", knowledge::QuestionsAlike::event_name()),
        ("before-ack:knowledge-FamilyJoined", joined),
        ("before-effect:answering-AnswerApproved", approved.clone()),
        ("between-members:answering-AnswerApproved", approved.clone()),
        ("before-ack:answering-AnswerApproved", approved),
    ];
    relay.into_iter().chain(heard.map(|(place, name)| format!("{place} {name}"))).collect()
}

/// Each life dies in another gap while a family of four gathers and is answered. In the end each
/// asker has the answer, once.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_every_gap_each_member_is_answered_once() {
    let dir = data_dir();
    let small = ("MOTCUA__ANSWERING__FAMILY_BATCH", "1");
    let mut families: Vec<Vec<String>> = Vec::new();
    for gap in gaps() {
        // What an earlier life left under way may reach the gap before this one serves.
        let life = Platform::up_unless_killed(dir.path(), &[], &[("MOTCUA_KILL_AT", &gap), small]).await;
        let Some(mut platform) = life else { continue };
        let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
        families.push(Vec::new());
        let text = format!("Bị dừng ở chỗ số {} thì cả nhóm ra sao?", families.len());
        let deadline = tokio::time::Instant::now() + Duration::from_secs(90);
        while platform.ended().is_none() {
            step(&mut families, &text, &asker, &officer).await;
            assert!(tokio::time::Instant::now() < deadline, "{gap} was not reached: {}", platform.log());
            tokio::task::yield_now().await;
        }
        assert_eq!(platform.wait().await.code(), None, "{gap}: killed, not ended");
    }
    let platform = Platform::up(dir.path(), &[], &[small]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let asked: Vec<String> = families.concat();
    until("every asker to be answered", || async {
        step(&mut families.clone(), "", &asker, &officer).await;
        for code in &asked {
            let seen = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
            if seen["state"] != "TICKET_STATE_ANSWERED" {
                return None;
            }
        }
        inbox(&officer, "?members=true").await.is_empty().then_some(())
    })
    .await;
    platform.settle().await;
    // Perhaps more than `asked`: a receipt may have been lost with the process.
    let tickets = sqlx::query_scalar("select count(*) from intake.ticket");
    let tickets: i64 = tickets.fetch_one(&platform.pool().await).await.unwrap();
    each_told_once(&platform, tickets).await;
    platform.stop().await;
}

/// Asks until the newest family has four, then approves whatever is listed and has gathered.
async fn step(families: &mut [Vec<String>], text: &str, asker: &Rest, officer: &Rest) -> Option<()> {
    if let Some(newest) = families.last_mut()
        && newest.len() < 4
        && !text.is_empty()
    {
        let body = e2e::rest::question(text).to_string().into_bytes();
        let reply = asker.send(Method::POST, "/api/v1/questions", Some(body)).await?;
        if reply.status.is_success() {
            newest.push(reply.json()["trackingCode"].as_str()?.to_owned());
        }
        return Some(());
    }
    let reply = officer.send(Method::GET, "/api/v1/inbox", None).await?;
    if !reply.status.is_success() {
        return None;
    }
    for item in reply.json()["items"].as_array()? {
        if !text.is_empty() && item["familySize"].as_u64()? < 3 {
            continue;
        }
        let path = format!("/api/v1/tickets/{}", item["ticketId"].as_str()?);
        let seen = officer.send(Method::GET, &path, None).await?;
        if seen.status.is_success() {
            let body = json!({"text": "Mỗi người một lần.", "version": seen.json()["draft"]["version"]});
            officer
                .send(Method::POST, &format!("{path}/approve"), Some(body.to_string().into_bytes()))
                .await?;
        }
    }
    Some(())
}
