//! What an officer's inbox costs beside `select 1`, with 1,000 officers of 200 units looking into 1,000,000
//! questions that wait, on a real PostgreSQL through the real service; and the plan of its query. Figures are
//! ratios of times taken in turn in one run: machines differ.
//!
//! `make bench`, or `TICKETS=40000 OFFICERS=50 make bench` for a quick look.

#![allow(clippy::print_stdout, reason = "its figures are what it is for")]

use std::{process::Stdio, time::Duration};

use api::answering::v1::{ListInboxRequest, answering_service_client::AnsweringServiceClient};
use e2e::{
    measure::{is_bench, number, percentile, ratio, timed},
    servers::{Servers, serving_at},
};
use futures::StreamExt as _;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use tonic::transport::Channel;

const UNITS: i64 = 200;

/// Officers who look at the same time.
const AT_ONCE: usize = 8;

/// The very statement of the service.
const INBOX: &str = include_str!("../../crates/answering/src/storage/list_waiting.sql");

#[tokio::main]
async fn main() {
    if !is_bench() {
        return;
    }
    let (tickets, officers) = (number("TICKETS", 1_000_000), number("OFFICERS", 1_000));
    let servers = Servers::start().await;
    let connections = u32::try_from(AT_ONCE).expect("a few");
    let pool = PgPoolOptions::new().max_connections(connections).connect(&servers.postgres.url()).await;
    let pool = pool.expect("PostgreSQL");
    let (filling, ()) = timed(fill(&pool, tickets)).await;
    println!("{tickets} questions wait in {UNITS} units; filled in {filling:.0?}");
    let mut command = servers.command();
    command.args(["serve", "answering"]).env("MOTCUA__GRPC__LISTEN", "127.0.0.1:0");
    let (child, at) = serving_at(command.stdout(Stdio::piped()).kill_on_drop(true)).await;
    let client = AnsweringServiceClient::connect(format!("http://{at}")).await.expect("connected");
    let tokens: Vec<String> =
        futures::stream::iter(0..officers).map(|n| token(&servers, n)).buffered(AT_ONCE).collect().await;

    // Twice: what is read the first time comes from the disk.
    for round in ["first round", "second round"] {
        let looked = futures::stream::iter(&tokens)
            .map(|token| look(&pool, client.clone(), token))
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let mut times = [0, 1, 2].map(|n| looked.iter().map(|times| times[n]).collect());
        tell(round, &mut times);
    }
    drop(child);
    for (whose, unit) in [("a unit's", "'don-vi-7'"), ("everyone's", "null")] {
        explain(&pool, whose, unit).await;
    }
    servers.nats.stop(false).await;
    servers.postgres.stop(false).await;
}

/// `select 1`, the first page and the next one.
async fn look(pool: &PgPool, mut client: AnsweringServiceClient<Channel>, token: &str) -> [Duration; 3] {
    let (plain, one) = timed(sqlx::query_scalar::<_, i32>("select 1").fetch_one(pool)).await;
    assert_eq!(one.expect("PostgreSQL answers"), 1);
    let (first, page) = timed(inbox(&mut client, token, "")).await;
    assert!(!page.is_empty(), "there is a next page");
    let (second, _) = timed(inbox(&mut client, token, &page)).await;
    [plain, first, second]
}

/// A page of 50, and where the next one begins.
async fn inbox(client: &mut AnsweringServiceClient<Channel>, token: &str, page_token: &str) -> String {
    let page = ListInboxRequest {
        limit: 50,
        page_token: page_token.to_owned(),
        members: false,
        unit: String::new(),
    };
    let mut request = tonic::Request::new(page);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("ASCII"));
    let page = client.list_inbox(request).await.expect("an inbox").into_inner();
    assert_eq!(page.items.len(), 50);
    assert!(page.items.is_sorted_by_key(|item| item.urgent_at.map(|at| (at.seconds, at.nanos))));
    page.next_page_token
}

fn tell(round: &str, [plain, first, next]: &mut [Vec<Duration>; 3]) {
    for percent in [50, 99] {
        let plain = percentile(plain, percent);
        for (what, times) in [("first page", &mut *first), ("next page", &mut *next)] {
            let time = percentile(times, percent);
            let ratio = ratio(time, plain);
            println!(
                "{round}, p{percent}: {what} / select 1 = {ratio:.1} (this run: {time:.1?} / {plain:.1?})"
            );
        }
    }
}

async fn token(servers: &Servers, officer: i64) -> String {
    let (unit, subject) = (format!("don-vi-{}", officer % UNITS), format!("can-bo-{officer}"));
    let mut command = servers.command();
    command.args(["token", "--role", "officer", "--unit", &unit, "--subject", &subject]);
    let output = command.output().await.expect("motcua token");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Questions of two months, due one after the other; one in twenty is a member of another's family.
async fn fill(pool: &PgPool, tickets: i64) {
    let statements = [
        "insert into answering.answer (ticket_id, version, routed_version, question, unit, unit_name, field, due_at,
             draft_text, verdict, sources, band, state, deadline)
         select md5('t' || n)::uuid, 1, 2,
             jsonb_build_object('text', 'Câu hỏi thứ ' || n || ': ' || repeat('hồ sơ của tôi nộp ở đâu, ', 6),
                                'kind', 'KIND_QUESTION', 'submittedAt', '2026-01-01T00:00:00Z'),
             'don-vi-' || n % $2, 'Đơn vị ' || n % $2, 'linh-vuc-' || n % 10,
             now() + (n::float8 / $1 * 60 - 5) * interval '1 day', '', '{\"band\": \"BAND_SUGGEST\"}',
             jsonb_build_array(jsonb_build_object('id', 'p' || n % 50000)),
             case n % 4 when 0 then 'BAND_REUSE' else 'BAND_SUGGEST' end, 'drafted',
             jsonb_build_object('version', 1, 'policy', 'mac-dinh', 'basis', 'Quy chế')
         from generate_series(1, $1) n",
        "insert into answering.family_member (ticket_id, centre_id, probability, exact, reasons, joined_at)
         select md5('t' || n)::uuid, md5('t' || n - $2)::uuid, 0.9, false, '{}', now()
         from generate_series(1, $1) n where (n / $2) % 2 = 1 and n % 10 = 0",
    ];
    for statement in statements {
        sqlx::query(statement).bind(tickets).bind(UNITS).execute(pool).await.expect("filled");
    }
    for statement in ["vacuum (analyze) answering.answer", "vacuum (analyze) answering.family_member"] {
        sqlx::query(statement).execute(pool).await.expect("vacuumed");
    }
}

/// The plan that the server has chosen once it has seen the statement often.
async fn explain(pool: &PgPool, whose: &str, unit: &str) {
    let mut conn = pool.acquire().await.expect("PostgreSQL");
    let prepare = format!("prepare inbox (text, timestamptz, uuid, bigint, boolean) as {INBOX}");
    let run = format!("execute inbox ({unit}, null, null, 51, false)");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *conn).await.expect("prepared");
    for _ in 0..8 {
        sqlx::raw_sql(AssertSqlSafe(run.clone())).execute(&mut *conn).await.expect("run");
    }
    let explain = format!("explain (analyze, buffers) {run}");
    let plan: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *conn).await.expect("a plan");
    println!("\n{whose} inbox:\n{}", plan.join("\n"));
    let plan = plan.join("\n");
    assert!(plan.contains("Index Scan using answer_urgent") && !plan.contains("Seq Scan on answer"));
    sqlx::raw_sql("deallocate inbox").execute(&mut *conn).await.expect("forgotten");
}
