//! The machine's clock jumps by weeks, both ways, between two sweeps: each step, digest and letter comes
//! once, and none is lost.

use std::path::{Path, PathBuf};

use e2e::{
    mail::MailServer,
    platform::{Platform, data_dir},
    rest::{Rest, question},
    until,
};
use serde_json::json;
use sqlx::PgPool;

const DAY: i64 = 24 * 60 * 60;

/// The plan's.
const CODE: &str = "y-te-cong-dong";

/// The platform's clock.
struct Clock(PathBuf);

impl Clock {
    /// So many days ahead of the machine's.
    fn jump(&self, days: i64) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, (days * DAY).to_string()).unwrap();
        std::fs::rename(&next, &self.0).unwrap();
    }
}

/// The sample's plan, on every day from midnight.
fn daily(dir: &Path) -> PathBuf {
    let sample = std::fs::read_to_string(e2e::root().join("deploy/sample/digests.toml")).unwrap();
    let days = "\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\", \"saturday\", \"sunday\"";
    let daily =
        sample.replace("\"monday\", \"thursday\"", days).replace("at = \"08:00:00\"", "at = \"00:00:00\"");
    assert_ne!(daily, sample);
    let file = dir.join("digests.toml");
    std::fs::write(&file, daily).unwrap();
    file
}

async fn ask(rest: &Rest, text: &str) -> String {
    let mut body = question(text);
    body["field"] = json!(CODE);
    rest.post("/api/v1/questions", &body).await.ok()["ticketId"].as_str().unwrap().to_owned()
}

async fn count(pool: &PgPool, sql: &'static str, ticket_id: &str) -> i64 {
    sqlx::query_scalar(sql).bind(ticket_id).fetch_one(pool).await.unwrap()
}

const DRAFTED: &str =
    "select count(*) from answering.answer where ticket_id::text = $1 and state = 'drafted'";
const GATHERED: &str = "select count(*) from answering.digest_item where ticket_id::text = $1";
const STEPS: &str =
    "select count(*) from bus.outbox where ticket_id::text = $1 and name = 'routing.v1.DeadlineReached'";

/// Steps that were told twice.
const REPEATED: &str = "select count(*) - count(distinct payload::jsonb ->> 'step') from bus.outbox
                        where ticket_id::text = $1 and name = 'routing.v1.DeadlineReached'";

/// Jumps on from day to day until a digest has the question: one that is just being changed, as by a step of
/// its deadline, waits for the next digest.
async fn gathered(clock: &Clock, pool: &PgPool, ticket_id: &str, from: i64) {
    let slots = "select count(*) from answering.digest_slot where code = $1";
    for day in from.. {
        if count(pool, GATHERED, ticket_id).await > 0 {
            break;
        }
        let before = count(pool, slots, CODE).await;
        clock.jump(day);
        until("the day to be taken", || async { (count(pool, slots, CODE).await > before).then_some(()) })
            .await;
    }
}

/// Waits until it is so many.
async fn reached(pool: &PgPool, sql: &'static str, ticket_id: &str, number: i64) {
    until(sql, || async { (count(pool, sql, ticket_id).await >= number).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_neither_loses_nor_doubles_anything() {
    let (dir, server) = (data_dir(), MailServer::start());
    let clock = Clock(dir.path().join("clock"));
    clock.jump(0);
    let mut environment = server.environment();
    let path = |path: &Path| path.display().to_string();
    environment.push(("MOTCUA_CLOCK_AHEAD".into(), path(&clock.0)));
    environment.push(("MOTCUA__ANSWERING__DIGESTS".into(), path(&daily(dir.path()))));
    let environment: Vec<_> = environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let platform = Platform::up(dir.path(), &[], &environment).await;
    let (rest, pool) = (platform.rest(), platform.pool().await);
    until("today's time, with nothing to gather", || async {
        let taken = "select count(*) from answering.digest_slot where code = $1";
        (count(&pool, taken, CODE).await > 0).then_some(())
    })
    .await;

    // Two months ahead: all steps of the first question come, and a digest of that day.
    let first = ask(&rest, "Tiêm nhắc lại ở đâu?").await;
    reached(&pool, DRAFTED, &first, 1).await;
    gathered(&clock, &pool, &first, 60).await;
    reached(&pool, STEPS, &first, 4).await;
    // Right again: the second question. Two months back, a day that was never taken gathers it; of the first
    // nothing comes again.
    clock.jump(0);
    let second = ask(&rest, "Có phải đeo khẩu trang?").await;
    reached(&pool, DRAFTED, &second, 1).await;
    gathered(&clock, &pool, &second, -60).await;
    // Right again, the group is reminded of it, once; ahead again, on a day that was taken, its steps come.
    clock.jump(0);
    until("the reminder", || async { (server.taken().len() >= 3).then_some(()) }).await;
    clock.jump(60);
    reached(&pool, STEPS, &second, 4).await;
    let third = ask(&rest, "Khám sàng lọc ở đâu?").await;
    reached(&pool, DRAFTED, &third, 1).await;
    gathered(&clock, &pool, &third, 62).await;
    clock.jump(0);
    platform.settle().await;
    for ticket_id in [&first, &second, &third] {
        assert_eq!(count(&pool, GATHERED, ticket_id).await, 1, "{ticket_id}");
        assert_eq!(count(&pool, REPEATED, ticket_id).await, 0, "{ticket_id}");
    }
    let letters = letters_wait_for_no_clock(&pool, &server).await;
    platform.stop().await;
    let sent_to: Vec<_> = server.taken().iter().map(|mail| mail.to.clone()).collect();
    assert_eq!(sent_to.len(), letters, "{sent_to:?}");
}

/// The database's clock was ahead when a letter was put, or taken by a process that then died. Says how many
/// letters the group has had in the end.
async fn letters_wait_for_no_clock(pool: &PgPool, server: &MailServer) -> usize {
    let of = "select count(*) from bus.notice where state = $1";
    until("all to be sent", || async { (count(pool, of, "waiting").await == 0).then_some(()) }).await;
    until("all to be marked", || async { (count(pool, of, "sending").await == 0).then_some(()) }).await;
    let sent: Vec<String> = sqlx::query_scalar("select fact from bus.notice where state = 'sent' order by 1")
        .fetch_all(pool)
        .await
        .unwrap();
    // Three digests; the second one's reminder, and the first one's if the third came late.
    let (digests, reminders) = sent.split_at(3);
    assert_eq!(digests, ["digest-gathered"; 3], "{sent:?}");
    assert!((1..=2).contains(&reminders.len()), "{sent:?}");
    assert_eq!(server.taken().len(), sent.len(), "each went out once");
    let ahead = "update bus.notice set state = 'waiting', attempts = 0, ended_at = null, next_at = now() + interval '40 days'
                 where fact like 'digest-reminder%'";
    sqlx::query(ahead).execute(pool).await.unwrap();
    let again = sent.len() + reminders.len();
    until("letters of a time to come", || async { (server.taken().len() >= again).then_some(()) }).await;
    let all = i64::try_from(sent.len()).unwrap();
    until("them to be marked", || async { (count(pool, of, "sent").await == all).then_some(()) }).await;
    let died = "update bus.notice set state = 'sending', claimed_at = now() + interval '40 days'
                where fact like 'digest-reminder%'";
    sqlx::query(died).execute(pool).await.unwrap();
    // They may have gone out: a person decides.
    let unsure = i64::try_from(reminders.len()).unwrap();
    until("them to be released", || async { (count(pool, of, "unsure").await == unsure).then_some(()) })
        .await;
    again
}
