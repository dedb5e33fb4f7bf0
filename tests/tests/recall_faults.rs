//! What a recall must survive: kill -9 on its way and during its fan-out, duplicates, reordering.

use api::{Event as _, knowledge::v1 as knowledge};
use async_nats::jetstream::message::PublishMessage;
use e2e::{
    platform::{Platform, data_dir},
    until,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// As many as [`recipients`] makes.
const RECIPIENTS: i64 = 25;

/// Tickets that received the passage `p`, as if they had been answered from it long ago.
async fn recipients(platform: &Platform) {
    sqlx::raw_sql(
        "insert into intake.ticket (ticket_id, request_id, request_hash, tracking_code, kind, text, field,
             submitted_at, state, version, answer_text, citations, answered_at)
         select gen_random_uuid(), gen_random_uuid(), '', 'code-' || n, 'KIND_QUESTION', 'hỏi', '', now(), 'answered', 4,
                case when n % 5 = 0 then 'của cán bộ' else '1' end, '[{\"id\": \"p\"}]', now() - interval '1 day'
         from generate_series(1, 25) n;
         insert into intake.receipt (passage_id, ticket_id, received_at, text_hash)
         select 'p', ticket_id, answered_at, encode(sha256(convert_to(answer_text, 'UTF8')), 'hex') from intake.ticket",
    )
    .execute(&platform.pool().await)
    .await
    .unwrap();
}

/// The correction that makes version `n` of `p`, whose text is `n`.
fn corrected(n: u32) -> knowledge::AnswerCorrected {
    let hash = |n: u32| format!("{:x}", Sha256::digest(n.to_string()));
    knowledge::AnswerCorrected {
        ticket_id: Uuid::from_u128(1).to_string(),
        version: n,
        passage_id: "p".into(),
        text: n.to_string(),
        reason: "nhầm".into(),
        earlier: (1..n).rev().map(hash).collect(),
        corrected_at: Some(api::timestamp(std::time::SystemTime::now().into())),
        ..knowledge::AnswerCorrected::default()
    }
}

/// States facts as the relay does; a name may come more than once.
async fn say(platform: &Platform, facts: &[(&knowledge::AnswerCorrected, Uuid)]) {
    let nats = platform.nats().await;
    for (fact, id) in facts {
        let message = PublishMessage::build()
            .header("ce-id", id.to_string().as_str())
            .message_id(Uuid::now_v7().to_string())
            .payload(serde_json::to_vec(fact).unwrap().into());
        nats.send_publish(knowledge::AnswerCorrected::subject(), message).await.unwrap().await.unwrap();
    }
    platform.settle().await;
}

/// Waits until every recipient was told of `version`, and checks that each was told of nothing twice
/// and shows that version.
async fn everyone_is_told(platform: &Platform, version: u32) {
    let pool = platform.pool().await;
    until("everyone is told", || async {
        let open: i64 = sqlx::query_scalar("select count(*) from intake.recall where done_at is null")
            .fetch_one(&pool)
            .await
            .unwrap();
        let told: i64 = sqlx::query_scalar("select count(*) from intake.notice where version = $1")
            .bind(i32::try_from(version).unwrap())
            .fetch_one(&pool)
            .await
            .unwrap();
        (open == 0 && told == RECIPIENTS).then_some(())
    })
    .await;
    let texts: Vec<(String, i64)> =
        sqlx::query_as("select answer_text, count(*) from intake.ticket group by 1 order by 1")
            .fetch_all(&pool)
            .await
            .unwrap();
    let own = RECIPIENTS / 5;
    assert_eq!(texts, [(version.to_string(), RECIPIENTS - own), ("của cán bộ".into(), own)]);
}

async fn notices(platform: &Platform) -> Vec<(i32, i64)> {
    sqlx::query_as("select version, count(*) from intake.notice group by 1 order by 1")
        .fetch_all(&platform.pool().await)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_twice_and_in_the_wrong_order_tell_each_ticket_once() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    recipients(&platform).await;
    let (second, third) = (corrected(2), corrected(3));
    let ids = (Uuid::now_v7(), Uuid::now_v7());
    say(&platform, &[(&third, ids.1), (&third, ids.1)]).await;
    everyone_is_told(&platform, 3).await;
    // The older one comes late, and both again, also under ids that the inbox does not know.
    say(&platform, &[(&second, ids.0), (&third, ids.1), (&second, ids.0)]).await;
    say(&platform, &[(&third, Uuid::now_v7()), (&second, Uuid::now_v7())]).await;
    everyone_is_told(&platform, 3).await;
    assert_eq!(notices(&platform).await, [(3, RECIPIENTS)]);
    // A newer one is told to all of them again.
    say(&platform, &[(&corrected(4), Uuid::now_v7())]).await;
    everyone_is_told(&platform, 4).await;
    assert_eq!(notices(&platform).await, [(3, RECIPIENTS), (4, RECIPIENTS)]);
    platform.stop().await;
}

/// Dies before and after a batch is kept, a life each; the next one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn killed_during_the_fan_out_nobody_is_left_out_and_nobody_is_told_twice() {
    let dir = data_dir();
    let batch = ("MOTCUA__INTAKE__RECALL_BATCH", "3");
    let mut platform = Platform::up(dir.path(), &[], &[batch, ("MOTCUA_KILL_AT", "before-told 2")]).await;
    recipients(&platform).await;
    let nats = platform.nats().await;
    let message = PublishMessage::build()
        .header("ce-id", Uuid::now_v7().to_string().as_str())
        .payload(serde_json::to_vec(&corrected(2)).unwrap().into());
    nats.send_publish(knowledge::AnswerCorrected::subject(), message).await.unwrap().await.unwrap();
    assert_eq!(platform.wait().await.code(), None, "killed, not ended");
    for _ in 0..3 {
        let environment = [batch, ("MOTCUA_KILL_AT", "after-told 2")];
        // It may get there before it serves.
        let Some(mut next) = Platform::up_unless_killed(dir.path(), &[], &environment).await else {
            continue;
        };
        assert_eq!(next.wait().await.code(), None, "killed, not ended");
    }
    let platform = Platform::up(dir.path(), &[], &[batch]).await;
    everyone_is_told(&platform, 2).await;
    assert_eq!(notices(&platform).await, [(2, RECIPIENTS)]);
    platform.stop().await;
}

/// Every gap between an editor's correction and the asker's page: each life corrects the answer once
/// more and dies in another one.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_every_gap_the_asker_sees_the_last_correction_and_each_one_once() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (ticket_id, code) = platform.rest().ask("Câu trả lời sai thì sao?").await;
    platform.rest_as("officer", None).await.approve(&ticket_id, Some("sửa lần 1")).await;
    platform.settle().await;
    platform.stop().await;
    let name = knowledge::AnswerCorrected::event_name();
    let places = ["before-publish", "before-mark", "before-effect:intake-AnswerCorrected"];
    let gaps = places
        .into_iter()
        .chain(["before-ack:intake-AnswerCorrected", "before-effect:answering-AnswerCorrected"]);
    let path = format!("/api/v1/answers/ticket:{ticket_id}");
    for gap in gaps {
        // What an earlier life left under way may reach the gap before this one serves, or before it
        // is corrected: what is kept then is less, and the store says how much.
        let kill = format!("{gap} {name}");
        let life = Platform::up_unless_killed(dir.path(), &[], &[("MOTCUA_KILL_AT", &kill)]).await;
        let Some(mut platform) = life else { continue };
        let editor = platform.rest_as("editor", None).await;
        if let Some(kept) = editor.send(reqwest::Method::GET, &path, None).await {
            let version = kept.ok()["passage"]["version"].as_u64().unwrap();
            let text = format!("sửa lần {}", version + 1);
            let body = json!({"version": version, "text": text, "reason": "nhầm"}).to_string();
            // The answer to this call may be lost with the process: the next life sees what was kept.
            let correct = format!("{path}/correct");
            let _ = editor.send(reqwest::Method::POST, &correct, Some(body.into_bytes())).await;
        }
        assert_eq!(platform.wait().await.code(), None, "{gap}: killed, not ended");
    }
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let kept = platform.rest_as("editor", None).await.get(&path).await.ok();
    let version = i32::try_from(kept["passage"]["version"].as_i64().unwrap()).unwrap();
    assert!(version > 2, "{kept}");
    let last = format!("sửa lần {version}");
    let asker = platform.rest();
    until("the last correction", || async {
        let ticket = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
        (ticket["answer"]["text"] == last.as_str()).then_some(())
    })
    .await;
    platform.settle().await;
    let told = notices(&platform).await;
    assert!(told.iter().all(|(_, times)| *times == 1) && told.last().unwrap().0 == version, "{told:?}");
    let dead: i64 = sqlx::query_scalar("select count(*) from bus.dead_letter")
        .fetch_one(&platform.pool().await)
        .await
        .unwrap();
    assert_eq!(dead, 0);
    platform.stop().await;
}
