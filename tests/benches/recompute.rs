//! What a changed calendar costs: the due times of 1,000,000 open questions computed anew by one real
//! process, each with its fact and its trace, beside a plain `update` of as many rows on the same table.
//!
//! `make bench`, or `TICKETS=40000 make bench` for a quick look.

#![allow(clippy::print_stdout, reason = "its figures are what it is for")]

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use e2e::{
    measure::{is_bench, number, ratio, timed},
    platform::data_dir,
    servers::{Servers, serving_at},
};
use sqlx::PgPool;
use tokio::process::Child;

/// Longer than this it never ends.
const GIVE_UP: Duration = Duration::from_hours(1);

#[tokio::main]
async fn main() {
    if !is_bench() {
        return;
    }
    let tickets = number("TICKETS", 1_000_000);
    let servers = Servers::start().await;
    let pool = PgPool::connect(&servers.postgres.url()).await.expect("PostgreSQL");
    let dir = data_dir();
    for file in std::fs::read_dir(e2e::root().join("deploy/sample")).expect("the sample") {
        let file = file.expect("the sample");
        std::fs::copy(file.path(), dir.path().join(file.file_name())).expect("a copy");
    }
    // The first calendar.
    let mut child = serve(&servers, dir.path()).await;
    child.kill().await.expect("it is ours");
    let (filling, ()) = timed(fill(&pool, tickets)).await;
    println!("{tickets} open questions, filled in {filling:.0?}");
    let (plain, ()) = timed(update(&pool)).await;
    run(&pool, "vacuum (analyze) routing.assignment").await;

    change(dir.path());
    let started = Instant::now();
    let child = serve(&servers, dir.path()).await;
    let pid = child.id().expect("it runs");
    let mut first = None;
    let outdated =
        "select count(*) from (select from routing.assignment where not answered and calendar < 2 limit 1) o";
    while count(&pool, outdated).await > 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(started.elapsed() < GIVE_UP, "it does not end");
        first.get_or_insert_with(|| resident(pid));
    }
    let took = started.elapsed();
    let peak = resident(pid);
    let changed = count(&pool, "select count(*) from routing.recomputation").await;
    let stated =
        count(&pool, "select count(*) from bus.outbox where name = 'routing.v1.DeadlineChanged'").await;
    assert_eq!((changed, stated), (tickets, tickets), "each changed and was stated once");
    let rate = f64::from(u32::try_from(tickets).unwrap_or(u32::MAX)) / took.as_secs_f64();
    println!(
        "computed anew / plain update = {:.1} (this run: {took:.0?} / {plain:.1?}, {rate:.0} a second)",
        ratio(took, plain)
    );
    let first = first.expect("it took more than a moment");
    println!("memory at its peak: {first} KiB after the first second, {peak} KiB at the end");
    let unpublished = count(&pool, "select count(*) from bus.outbox where published_at is null").await;
    println!("facts that the relay has still to publish: {unpublished}");
    drop(child);
    servers.nats.stop(false).await;
    servers.postgres.stop(false).await;
}

async fn serve(servers: &Servers, organisation: &Path) -> Child {
    let mut command = servers.command();
    command.args(["serve", "routing"]).env("MOTCUA__GRPC__LISTEN", "127.0.0.1:0");
    command.env("MOTCUA__ROUTING__ORGANISATION", organisation.join("organisation.toml"));
    serving_at(command.stdout(Stdio::piped()).kill_on_drop(true)).await.0
}

/// Without holidays: each question below spans one.
fn change(folder: &Path) {
    let file = folder.join("deadlines.toml");
    let rules = std::fs::read_to_string(&file).expect("the sample");
    let named = "holidays = [\"vn-2025.ics\", \"vn-2026.ics\", \"vn-2027.ics\"]";
    assert!(rules.contains(named));
    std::fs::write(&file, rules.replace(named, "holidays = []")).expect("it is ours");
}

/// Questions of the days before Tết 2027, by the sample's policy of five working days.
async fn fill(pool: &PgPool, tickets: i64) {
    let fill = "
        insert into routing.assignment (ticket_id, version, question, agency, unit, field, reason, due_at, routed_at,
            deadline, next_step_at, calendar)
        select md5('t' || n)::uuid, 1,
            jsonb_build_object('text', 'Câu hỏi thứ ' || n || ': ' || repeat('hồ sơ của tôi nộp ở đâu, ', 6),
                               'kind', 'KIND_QUESTION', 'submittedAt', asked_at),
            'bo', 'vu-' || n % 200, 'linh-vuc', 'ROUTING_REASON_ASKER_CHOICE', due_at, asked_at,
            jsonb_build_object('version', 1, 'round', 0, 'urgency', 'normal', 'started_at', asked_at, 'due_at', due_at,
                'first_response_due_at', due_at - interval '4 days', 'pauses', '[]'::jsonb, 'extensions', '[]'::jsonb,
                'steps', '[]'::jsonb, 'calendar', 1, 'policy', jsonb_build_object('code', 'mac-dinh',
                'answer', jsonb_build_object('working_days', 5), 'first_response',
                jsonb_build_object('working_hours', 15), 'pause', '[\"asker\"]'::jsonb, 'basis', 'Quy chế')),
            due_at - interval '1 day', 0
        from (select n, '2027-02-02T01:00:00Z'::timestamptz + (n % 86400) * interval '2 seconds' as asked_at,
                     '2027-02-19T10:00:00Z'::timestamptz as due_at
              from generate_series(1, $1) n) t";
    sqlx::query(fill).bind(tickets).execute(pool).await.expect("filled");
    run(pool, "vacuum (analyze) routing.assignment").await;
}

/// As many rows, as many indexes.
async fn update(pool: &PgPool) {
    run(
        pool,
        "update routing.assignment set calendar = 1, next_step_at = next_step_at + interval '1 second'",
    )
    .await;
}

async fn run(pool: &PgPool, statement: &'static str) {
    sqlx::query(statement).execute(pool).await.expect(statement);
}

async fn count(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.expect(query)
}

/// The most memory that a process ever had, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}
