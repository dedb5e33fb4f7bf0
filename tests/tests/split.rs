//! The split mode: each role a process of its own, as on Kubernetes.

use e2e::servers::Servers;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_journey_with_each_role_as_its_own_process() {
    let servers = Servers::start().await;
    let groups: [&[&str]; 6] =
        [&["intake"], &["routing"], &["answering"], &["knowledge"], &["analytics"], &["gateway"]];
    let roles = servers.serve(&groups).await;
    let asker = roles.rest();
    let officer = asker.clone().with_token(&servers.token("officer").await);
    e2e::until("every role to be ready", || async {
        let reply = asker.send(reqwest::Method::GET, "/readyz", None).await?;
        reply.status.is_success().then_some(())
    })
    .await;
    let (ticket_id, code) = asker.ask("Mỗi vai trò một tiến trình thì có chạy không?").await;
    officer.approve(&ticket_id, Some("Có.")).await;
    let answered = asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    assert_eq!(answered["answer"]["text"], "Có.");
    asker.post(&format!("/api/v1/questions/{code}/rating"), &json!({"score": 5})).await.ok();
    asker.settle().await;

    // The answer is knowledge now: asked again, it is drafted.
    let (again, _) = asker.ask("moi vai tro mot tien trinh thi co chay khong?").await;
    let draft = officer.drafted(&again).await;
    assert_eq!(draft["draft"]["sources"][0]["id"], format!("ticket:{ticket_id}"), "{draft}");
    let satisfaction = officer.get("/api/v1/reports/satisfaction").await.ok();
    assert_eq!(satisfaction["groups"][0]["ratings"], 1, "{satisfaction}");
    drop(roles);
    servers.nats.stop(false).await;
    servers.postgres.stop(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_a_service_says_that_it_does_not_serve_until_it_is_back() {
    let servers = Servers::start().await;
    // Knowledge is left out: it only takes long to start.
    let groups: [&[&str]; 3] = [&["intake", "routing"], &["answering", "analytics"], &["gateway"]];
    let roles = servers.serve(&groups).await;
    let rest = roles.rest();
    let away = async |peers: &str| {
        e2e::until(peers, || async {
            let reply = rest.get("/readyz").await;
            (reply.status == 503 && reply.json()["detail"] == peers).then_some(())
        })
        .await;
    };
    away("knowledge").await;
    assert_eq!(rest.get("/healthz").await.status, 200);
    let servers = servers
        .without_postgres(async || {
            away("intake, routing, answering, knowledge, analytics").await;
            assert_eq!(rest.get("/healthz").await.status, 200);
        })
        .await;
    away("knowledge").await;
    rest.ask("Có ai nghe không?").await;
    drop(roles);
    servers.nats.stop(false).await;
    servers.postgres.stop(false).await;
}
