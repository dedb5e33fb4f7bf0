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
