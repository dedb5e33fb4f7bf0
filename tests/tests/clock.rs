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
    body["field"] = json!("y-te-cong-dong");
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
        (count(&pool, taken, "y-te-cong-dong").await > 0).then_some(())
    })
    .await;

    // Two months ahead: all steps of the first question come, and a digest of that day.
    let first = ask(&rest, "Tiêm nhắc lại ở đâu?").await;
    reached(&pool, DRAFTED, &first, 1).await;
    clock.jump(60);
    reached(&pool, STEPS, &first, 4).await;
    reached(&pool, GATHERED, &first, 1).await;
    // Right again: the second question. Two months back, a day that was never taken gathers it; of the first
    // nothing comes again.
    clock.jump(0);
    let second = ask(&rest, "Có phải đeo khẩu trang?").await;
    reached(&pool, DRAFTED, &second, 1).await;
    clock.jump(-60);
    reached(&pool, GATHERED, &second, 1).await;
    // Right again, the group is reminded of it, once; ahead again, on a day that was taken, its steps come.
    clock.jump(0);
    until("the reminder", || async { (server.taken().len() >= 3).then_some(()) }).await;
    clock.jump(60);
    reached(&pool, STEPS, &second, 4).await;
    let third = ask(&rest, "Khám sàng lọc ở đâu?").await;
    reached(&pool, DRAFTED, &third, 1).await;
    clock.jump(61);
    reached(&pool, GATHERED, &third, 1).await;
    // The group had three digests, and the one reminder.
    until("the letters", || async { (server.taken().len() >= 4).then_some(()) }).await;
    clock.jump(0);
    platform.settle().await;
    for ticket_id in [&first, &second, &third] {
        assert_eq!(count(&pool, GATHERED, ticket_id).await, 1, "{ticket_id}");
        assert_eq!(count(&pool, REPEATED, ticket_id).await, 0, "{ticket_id}");
    }
    letters_wait_for_no_clock(&pool, &server).await;
    platform.stop().await;
    let sent_to: Vec<_> = server.taken().iter().map(|mail| mail.to.clone()).collect();
    assert_eq!(sent_to.len(), 5, "{sent_to:?}");
}

/// The database's clock was ahead when a letter was put, or taken by a process that then died.
async fn letters_wait_for_no_clock(pool: &PgPool, server: &MailServer) {
    let sent = "select count(*) from bus.notice where state = $1";
    until("all to be marked", || async { (count(pool, sent, "sent").await == 4).then_some(()) }).await;
    let kinds: Vec<String> =
        sqlx::query_scalar("select fact from bus.notice where state = 'sent' order by 1")
            .fetch_all(pool)
            .await
            .unwrap();
    assert_eq!(kinds[..3], ["digest-gathered"; 3], "{kinds:?}");
    assert!(kinds.len() == 4 && kinds[3].starts_with("digest-reminder:"), "{kinds:?}");
    let ahead = "update bus.notice set state = 'waiting', attempts = 0, ended_at = null, next_at = now() + interval '40 days'
                 where fact like 'digest-reminder%'";
    sqlx::query(ahead).execute(pool).await.unwrap();
    until("the letter of a time to come", || async { (server.taken().len() >= 5).then_some(()) }).await;
    until("it to be marked", || async { (count(pool, sent, "sent").await == 4).then_some(()) }).await;
    let died = "update bus.notice set state = 'sending', claimed_at = now() + interval '40 days'
                where fact like 'digest-reminder%'";
    sqlx::query(died).execute(pool).await.unwrap();
    // It may have gone out: a person decides.
    until("it to be released", || async { (count(pool, sent, "unsure").await == 1).then_some(()) }).await;
}
