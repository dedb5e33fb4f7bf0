//! What must survive: kill -9 between any two steps, NATS away, duplicates, poison.

use std::time::Duration;

use api::{Event as _, answering::v1 as answering, intake::v1 as intake, routing::v1 as routing};
use async_nats::jetstream::message::PublishMessage;
use e2e::{
    drive::{Journey, Step},
    platform::{Platform, data_dir},
    repeat::say_again,
    servers::Servers,
    until,
};
use serde_json::json;

/// Every gap of delivery on the way of a question: committed but not published, published but not
/// marked, delivered but without effect, with its effect but not acknowledged.
fn gaps() -> Vec<String> {
    let events = [
        intake::QuestionSubmitted::event_name(),
        routing::QuestionRouted::event_name(),
        answering::AnswerDrafted::event_name(),
        answering::AnswerApproved::event_name(),
        intake::AnswerRated::event_name(),
        intake::QuestionReopened::event_name(),
    ];
    let hearers = [
        ("routing", intake::QuestionSubmitted::event_name()),
        ("intake", routing::QuestionRouted::event_name()),
        ("answering", routing::QuestionRouted::event_name()),
        ("intake", answering::AnswerApproved::event_name()),
        ("routing", answering::AnswerApproved::event_name()),
        ("knowledge", answering::AnswerApproved::event_name()),
        ("routing", intake::QuestionReopened::event_name()),
        ("analytics", intake::AnswerRated::event_name()),
    ];
    let relay =
        events.iter().flat_map(|name| ["before-publish", "before-mark"].map(|at| format!("{at} {name}")));
    let heard = hearers.iter().flat_map(|(service, name)| {
        let fact = name.rsplit('.').next().unwrap();
        ["before-effect", "before-ack"].map(|at| format!("{at}:{service}-{fact} {name}"))
    });
    relay.chain(heard).collect()
}

/// Each life of the process dies in another gap, with the questions of all lives under way. In the
/// end every question has its whole way behind it, once.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_every_gap_nothing_is_lost_doubled_or_stuck() {
    let dir = data_dir();
    let mut journeys = Vec::new();
    for gap in gaps() {
        // What an earlier life left under way may reach the gap before this one serves.
        let life = Platform::up_unless_killed(dir.path(), &[], &[("MOTCUA_KILL_AT", &gap)]).await;
        let Some(mut platform) = life else { continue };
        let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
        journeys.push(Journey::new(&format!("Bị dừng ở {} thì sao?", journeys.len() + 1)));
        let journey = journeys.last_mut().unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(90);
        while platform.ended().is_none() {
            journey.step(&asker, &officer).await;
            assert!(tokio::time::Instant::now() < deadline, "{gap} was not reached: {}", platform.log());
            tokio::task::yield_now().await;
        }
        assert_eq!(platform.wait().await.code(), None, "{gap}: killed, not ended");
    }
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    for journey in &mut journeys {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(90);
        while journey.step(&asker, &officer).await != Step::Done {
            assert!(tokio::time::Instant::now() < deadline, "{:?} is stuck", journey.ticket);
            tokio::task::yield_now().await;
        }
    }
    platform.settle().await;
    each_went_once(&platform, journeys.len()).await;
    platform.stop().await;
}

/// Counts effects in every service.
async fn each_went_once(platform: &Platform, questions: usize) {
    let pool = platform.pool().await;
    let questions = i64::try_from(questions).unwrap();
    let count = async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap() };
    assert_eq!(count("select count(*) from intake.ticket").await, questions);
    assert_eq!(
        count("select count(*) from intake.ticket where state = 'closed' and score = 5").await,
        questions
    );
    for (milestone, times) in [
        ("MILESTONE_RECEIVED", 1),
        ("MILESTONE_ROUTED", 2),
        ("MILESTONE_ANSWERED", 2),
        ("MILESTONE_REOPENED", 1),
        ("MILESTONE_RATED", 2),
    ] {
        let entries: Vec<i64> = sqlx::query_scalar(
            "select count(*) filter (where what = $1) from intake.timeline group by ticket_id",
        )
        .bind(milestone)
        .fetch_all(&pool)
        .await
        .unwrap();
        assert!(entries.iter().all(|entries| *entries == times), "{milestone}: {entries:?}");
    }
    assert_eq!(count("select count(*) from answering.answer where state = 'approved'").await, questions);
    assert_eq!(count("select count(*) from knowledge.passage").await, questions);
    assert_eq!(count("select count(*) from bus.dead_letter").await, 0);
    assert_eq!(count("select count(*) from bus.outbox where published_at is null").await, 0);
    assert_eq!(
        count("select count(*) from analytics.fact").await,
        count("select count(*) from bus.outbox").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_submissions_are_taken_and_delivered_later() {
    let servers = Servers::start().await;
    let all = ["intake", "routing", "answering", "knowledge", "analytics", "gateway"];
    let roles = servers.serve(&[&all]).await;
    let rest = roles.rest();
    let officer = rest.clone().with_token(&servers.token("officer").await);
    let (before, _) = rest.ask("Câu hỏi trước khi mất NATS").await;
    officer.drafted(&before).await;
    let mut tickets = vec![before];
    let servers = servers
        .without_nats(async || {
            let asked = (0..40).map(|n| {
                let rest = rest.clone();
                async move { rest.ask(&format!("Câu hỏi số {n} trong lúc mất NATS")).await.0 }
            });
            tickets.extend(futures::future::join_all(asked).await);
        })
        .await;
    for ticket in &tickets {
        officer.drafted(ticket).await;
    }
    rest.settle().await;
    drop(roles);
    servers.nats.stop(false).await;
    servers.postgres.stop(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_heard_twice_has_one_effect() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let (ticket_id, code) = asker.ask("Nghe hai lần thì sao?").await;
    officer.approve(&ticket_id, Some("Một lần thôi.")).await;
    asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    platform.settle().await;
    let before = effects(&platform).await;
    say_again(&platform, "twice").await;
    assert_eq!(effects(&platform).await, before);

    // A restored stream may repeat what the inbox has forgotten: the states themselves know better.
    sqlx::query("delete from bus.inbox").execute(&platform.pool().await).await.unwrap();
    say_again(&platform, "thrice").await;
    assert_eq!(effects(&platform).await, before);
    platform.stop().await;
}

async fn effects(platform: &Platform) -> Vec<(String, i64)> {
    let pool = platform.pool().await;
    sqlx::query_as(
        "select 'outbox', count(*) from bus.outbox
         union all select 'inbox', count(*) from bus.inbox
         union all select 'timeline', count(*) from intake.timeline
         union all select 'version', sum(version) from answering.answer
         union all select 'passage', count(*) from knowledge.passage
         union all select 'fact', count(*) from analytics.fact
         union all select 'dead', count(*) from bus.dead_letter order by 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_becomes_a_dead_letter_and_is_redriven() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[("MOTCUA__BUS__MAX_DELIVER", "2")]).await;
    let operator = platform.rest_as("operator", None).await;
    let letters = async || operator.get("/api/v1/dead-letters").await.ok()["deadLetters"].clone();

    // What cannot be read is set aside at once, by everyone who hears it.
    let nats = platform.nats().await;
    let subject = intake::QuestionSubmitted::subject();
    let poison = PublishMessage::build().payload("{\"ticketId\": 7".into());
    nats.send_publish(subject, poison).await.unwrap().await.unwrap();
    until("two dead letters", || async { (letters().await.as_array()?.len() == 2).then_some(()) }).await;
    let consumers: Vec<_> =
        letters().await.as_array().unwrap().iter().map(|letter| letter["consumer"].clone()).collect();
    assert!(consumers.contains(&json!("routing-QuestionSubmitted")), "{consumers:?}");

    // What fails for a while is tried again, then set aside; put right, it is re-driven.
    let pool = platform.pool().await;
    let obstruct =
        "alter table intake.timeline add constraint obstruction check (what <> 'MILESTONE_ROUTED')";
    sqlx::query(obstruct).execute(&pool).await.unwrap();
    let (_, code) = platform.rest().ask("Câu hỏi bị nghẽn").await;
    until("the third dead letter", || async { (letters().await.as_array()?.len() == 3).then_some(()) }).await;
    sqlx::query("alter table intake.timeline drop constraint obstruction").execute(&pool).await.unwrap();
    let again = json!({"consumer": "intake-QuestionRouted"});
    let redriven = operator.post("/api/v1/dead-letters/redrive", &again).await.ok();
    assert_eq!(redriven["redriven"], 1);
    platform.rest().followed(&code, "TICKET_STATE_ROUTED").await;
    platform.settle().await;
    assert_eq!(letters().await.as_array().unwrap().len(), 2);
    platform
        .rest_as("officer", None)
        .await
        .get("/api/v1/dead-letters")
        .await
        .refused(403, "ROLE_NOT_ALLOWED");

    // What stays poison becomes a dead letter again: it is not lost by re-driving.
    operator.post("/api/v1/dead-letters/redrive", &json!({})).await.ok();
    platform.settle().await;
    until("both again", || async { (letters().await.as_array()?.len() == 2).then_some(()) }).await;
    platform.stop().await;
}
