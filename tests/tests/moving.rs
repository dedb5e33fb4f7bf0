//! Moving a case on the whole platform: handing on, returning, the arbiter, other units' parts, and
//! what a forward must survive.

use std::time::Duration;

use api::{Event as _, answering::v1 as answering, routing::v1 as routing};
use e2e::{
    platform::{Platform, data_dir},
    repeat::say_again,
    rest::Rest,
    until,
};
use serde_json::{Value, json};

const LAW: &str = "vu-phap-che";
const PLAN: &str = "vu-ke-hoach";
const DIGITAL: &str = "cuc-chuyen-doi-so";
const DESK: &str = "mot-cua";

/// The ticket as its holder sees it, once `unit` has it.
async fn held(holder: &Rest, ticket_id: &str, unit: &str) -> Value {
    until(unit, || async {
        let reply = holder.get(&format!("/api/v1/tickets/{ticket_id}")).await;
        let found = reply.status.is_success().then(|| reply.json());
        found.filter(|json| json["state"] == "ANSWER_STATE_DRAFTED" && json["unit"] == unit)
    })
    .await
}

fn forward(ticket: &Value, unit: &str) -> Value {
    json!({"unit": unit, "reason": "Thuộc việc của đơn vị đó", "version": ticket["draft"]["version"]})
}

fn units(custody: &Value) -> Vec<&str> {
    custody["periods"].as_array().unwrap().iter().map(|period| period["unit"].as_str().unwrap()).collect()
}

/// Asks, and has the desk give it to the law unit.
async fn with_the_law_unit(platform: &Platform, text: &str) -> (String, String) {
    let (ticket_id, code) = platform.rest().ask(text).await;
    let dispatcher = platform.rest_as("dispatcher", None).await;
    dispatcher.drafted(&ticket_id).await;
    dispatcher.post(&format!("/api/v1/tickets/{ticket_id}/assign"), &json!({"unit": LAW})).await.ok();
    held(&dispatcher, &ticket_id, LAW).await;
    (ticket_id, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_moved_until_the_arbiter_decides_and_nobody_is_lost() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let asker = platform.rest();
    let (ticket_id, code) = with_the_law_unit(&platform, "Ai cấp phép cho trạm phát sóng?").await;
    let law = platform.rest_of("an", LAW).await;
    let plan = platform.rest_of("binh", PLAN).await;
    let path = format!("/api/v1/tickets/{ticket_id}");
    let to = |what: &str| format!("{path}/{what}");

    // What a unit must say.
    let first = held(&law, &ticket_id, LAW).await;
    let seen = &first["draft"]["version"];
    let nobody = json!({"reason": "Không thuộc đơn vị", "version": seen});
    law.post(&to("return"), &nobody).await.refused(400, "OWNER_NOT_NAMED");
    law.post(&to("return"), &json!({"reason": "x", "suggestedUnit": "khong-co"}))
        .await
        .refused(400, "UNIT_UNKNOWN");
    law.post(&to("forward"), &forward(&first, "khong-co")).await.refused(400, "UNIT_UNKNOWN");
    law.post(&to("forward"), &forward(&first, LAW)).await.refused(400, "UNIT_IS_ITS_OWN");
    let late = json!({"unit": PLAN, "reason": "x", "version": seen.as_u64().unwrap() - 1});
    law.post(&to("forward"), &late).await.refused(409, "STALE_VERSION");
    plan.post(&to("forward"), &forward(&first, DIGITAL)).await.refused(404, "TICKET_NOT_FOUND");

    // Handed on, and returned to a better owner: two moves, as many as there may be.
    law.post(&to("forward"), &forward(&first, PLAN)).await.ok();
    law.post(&to("forward"), &forward(&first, PLAN)).await;
    let second = held(&plan, &ticket_id, PLAN).await;
    law.get(&to("custody")).await.refused(404, "TICKET_NOT_FOUND");
    let back =
        json!({"reason": "Không lập kế hoạch", "suggestedUnit": LAW, "version": second["draft"]["version"]});
    plan.post(&to("return"), &back).await.ok();
    let third = held(&law, &ticket_id, LAW).await;
    let custody = law.get(&to("custody")).await.ok();
    assert_eq!((&custody["moves"], &custody["movesMax"]), (&json!(2), &json!(2)), "{custody}");
    assert_eq!(custody["arbiter"], DESK);

    // One more, and the arbiter has it, who decides.
    law.post(&to("forward"), &forward(&third, PLAN)).await.ok();
    let arbiter = platform.rest_of("chi", DESK).await;
    let fourth = held(&arbiter, &ticket_id, DESK).await;
    assert_eq!(fourth["binding"], "BINDING_ARBITER", "{fourth}");
    let shrug = json!({"reason": "Chưa rõ", "noOwnerReason": "Không đơn vị nào nhận"});
    arbiter.post(&to("return"), &shrug).await.refused(409, "ARBITER_DECIDES");
    arbiter.post(&to("forward"), &forward(&fourth, DIGITAL)).await.ok();
    let digital = platform.rest_of("dung", DIGITAL).await;
    let fifth = held(&digital, &ticket_id, DIGITAL).await;
    assert_eq!(fifth["binding"], "BINDING_BOUND", "{fifth}");
    digital.post(&to("forward"), &forward(&fifth, LAW)).await.refused(409, "BOUND_BY_ARBITER");
    digital
        .post(&to("return"), &json!({"reason": "x", "suggestedUnit": LAW}))
        .await
        .refused(409, "BOUND_BY_ARBITER");
    let dispatcher = platform.rest_as("dispatcher", None).await;
    dispatcher.post(&to("assign"), &json!({"unit": LAW})).await.refused(409, "BOUND_BY_ARBITER");

    // The asker sees each place; the clock's custody is split among those who had it.
    platform.settle().await;
    let followed = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
    let timeline = followed["timeline"].as_array().unwrap();
    let count = |what: &str| timeline.iter().filter(|entry| entry["what"] == what).count();
    assert_eq!((count("MILESTONE_FORWARDED"), count("MILESTONE_RETURNED")), (3, 1), "{followed}");
    assert_eq!(timeline.last().unwrap()["unit"], "Cục Chuyển đổi số quốc gia", "{followed}");
    let shown = asker.page(&format!("/theo-doi/{code}"), None).await.text;
    assert!(shown.contains("Đơn vị chuyển tiếp cho đơn vị khác") && shown.contains("Cục Chuyển đổi số"));
    digital.approve(&ticket_id, Some("Cục cấp phép.")).await;
    asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    platform.settle().await;
    let custody = digital.get(&to("custody")).await.ok();
    assert_eq!(units(&custody), [DESK, LAW, PLAN, LAW, DESK, DIGITAL], "{custody}");
    let periods = custody["periods"].as_array().unwrap();
    let ends: Vec<_> = periods.iter().map(|period| &period["until"]).collect();
    let begins: Vec<_> = periods.iter().skip(1).map(|period| &period["since"]).collect();
    assert_eq!(ends[..5], begins[..], "{custody}");
    assert!(ends[5].is_string(), "{custody}");
    let reasons: Vec<_> = periods.iter().map(|period| period["reason"].as_str().unwrap()).collect();
    let expected = ["DESK", "ASSIGNED", "FORWARDED", "RETURNED", "ARBITER", "ARBITRATED"];
    assert_eq!(reasons, expected.map(|reason| format!("ROUTING_REASON_{reason}")));
    assert_eq!(periods[3]["words"], "Không lập kế hoạch");

    // Heard again by everyone, nothing changes.
    say_again(&platform, "twice").await;
    assert_eq!(digital.get(&to("custody")).await.ok(), custody);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_units_give_their_part_and_the_holder_stays_the_holder() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (ticket_id, code) = with_the_law_unit(&platform, "Xây nhà máy cần giấy phép nào?").await;
    let law = platform.rest_of("an", LAW).await;
    let plan = platform.rest_of("binh", PLAN).await;
    let digital = platform.rest_of("dung", DIGITAL).await;
    let asks = format!("/api/v1/tickets/{ticket_id}/co-answers");
    let first = held(&law, &ticket_id, LAW).await;
    let ask = |unit: &str| json!({"unit": unit, "request": "Phần của đơn vị?", "version": first["draft"]["version"]});

    let mut late = ask(PLAN);
    late["dueAt"] = json!("2100-01-01T00:00:00Z");
    law.post(&asks, &late).await.refused(400, "CO_ANSWER_DUE_OUT_OF_RANGE");
    law.post(&asks, &ask("khong-co")).await.refused(400, "UNIT_UNKNOWN");
    law.post(&asks, &ask(LAW)).await.refused(400, "UNIT_IS_ITS_OWN");
    plan.post(&asks, &ask(DIGITAL)).await.refused(404, "TICKET_NOT_FOUND");
    let asked = law.post(&asks, &ask(PLAN)).await.ok();
    assert_eq!(
        (&asked["state"], &asked["dueAt"]),
        (&json!("CO_ANSWER_STATE_ASKED"), &first["dueAt"]),
        "{asked}"
    );
    assert_eq!(law.post(&asks, &ask(PLAN)).await.ok()["coAnswerId"], asked["coAnswerId"]);
    let other = json!({"unit": PLAN, "request": "Khác", "version": first["draft"]["version"]});
    law.post(&asks, &other).await.refused(409, "CO_ANSWER_OPEN");
    let declined = law.post(&asks, &ask(DIGITAL)).await.ok();
    let withdrawn = law.post(&asks, &ask("vu-khoa-hoc-cong-nghe")).await.ok();
    law.post(&asks, &ask(DESK)).await.refused(409, "TOO_MANY_CO_ANSWERS");

    // Each unit sees its own request, on its page too, and nothing else of the question.
    let inbox = plan.get("/api/v1/co-answers").await.ok();
    assert_eq!(inbox["coAnswers"].as_array().unwrap().len(), 1, "{inbox}");
    let page = plan.page("/can-bo", None).await.text;
    assert!(page.contains("Được hỏi phối hợp") && page.contains("Phần của đơn vị?"), "{page}");
    plan.get(&format!("/api/v1/tickets/{ticket_id}")).await.refused(404, "TICKET_NOT_FOUND");
    platform.rest_of("em", "cuc-y-te-du-phong").await.get(&asks).await.refused(404, "TICKET_NOT_FOUND");

    let part = |asked: &Value, what: &str| {
        format!("/api/v1/co-answers/{}/{what}", asked["coAnswerId"].as_str().unwrap())
    };
    digital.post(&part(&declined, "decline"), &json!({"reason": "Không có phần"})).await.ok();
    law.post(&part(&withdrawn, "withdraw"), &json!({"reason": "Thôi"})).await.ok();
    digital.post(&part(&asked, "give"), &json!({"text": "x"})).await.refused(404, "CO_ANSWER_NOT_FOUND");
    plan.post(&part(&asked, "withdraw"), &json!({"reason": "x"})).await.refused(404, "CO_ANSWER_NOT_FOUND");
    let form = format!("part={}&text=Theo+quy+ho%E1%BA%A1ch", asked["coAnswerId"].as_str().unwrap());
    let given = plan.page(&format!("/can-bo/phoi-hop/{ticket_id}/gop-y"), Some(form)).await.text;
    assert!(given.contains("Đã gửi ý kiến phối hợp"), "{given}");
    plan.post(&part(&asked, "give"), &json!({"text": "Theo quy hoạch"})).await.ok();
    plan.post(&part(&asked, "give"), &json!({"text": "Khác"})).await.refused(409, "CO_ANSWER_ENDED");

    // The holder sees it beside the draft, and must: who looked before does not approve.
    let stale = json!({"text": "Cần ba giấy phép.", "version": first["draft"]["version"]});
    law.post(&format!("/api/v1/tickets/{ticket_id}/approve"), &stale).await.refused(409, "STALE_VERSION");
    let shown = law.page(&format!("/can-bo/phieu/{ticket_id}"), None).await.text;
    assert!(shown.contains("Theo quy hoạch") && shown.contains("Không có phần"), "{shown}");
    assert_eq!(held(&law, &ticket_id, LAW).await["unit"], LAW);

    // What is still asked for when the answer is approved lapses; each change was a fact.
    let open = json!({"unit": DIGITAL, "request": "Lại", "version": held(&law, &ticket_id, LAW).await["draft"]["version"]});
    law.post(&asks, &open).await.ok();
    law.approve(&ticket_id, Some("Cần ba giấy phép.")).await;
    platform.rest().followed(&code, "TICKET_STATE_ANSWERED").await;
    assert_eq!(digital.get("/api/v1/co-answers").await.ok()["coAnswers"], json!([]));
    platform.settle().await;
    let facts: Vec<(String, i64)> = sqlx::query_as(
        "select reason, count(*) from analytics.fact where name = 'answering.v1.CoAnswerChanged' group by 1 order by 1",
    )
    .fetch_all(&platform.pool().await)
    .await
    .unwrap();
    let expected = [("ASKED", 4), ("DECLINED", 1), ("GIVEN", 1), ("LAPSED", 1), ("WITHDRAWN", 1)];
    assert_eq!(facts, expected.map(|(state, count)| (format!("CO_ANSWER_STATE_{state}"), count)));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_officers_at_once_and_one_of_them_is_told() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (law, plan) = (platform.rest_of("an", LAW).await, platform.rest_of("binh", PLAN).await);
    for round in 0..4 {
        let (ticket_id, code) =
            with_the_law_unit(&platform, &format!("Hai người cùng lúc, lần {round}?")).await;
        let seen = held(&law, &ticket_id, LAW).await;
        let path = format!("/api/v1/tickets/{ticket_id}");
        let approve = json!({"text": "Một câu trả lời.", "version": seen["draft"]["version"]});
        let (to_approve, to_forward) = (format!("{path}/approve"), format!("{path}/forward"));
        let hand_on = forward(&seen, PLAN);
        let (approved, forwarded) =
            tokio::join!(law.post(&to_approve, &approve), law.post(&to_forward, &hand_on));
        assert!(approved.status.is_success() != forwarded.status.is_success(), "{approved:?} {forwarded:?}");
        if forwarded.status.is_success() {
            approved.refused(409, "NOT_WAITING");
            plan.approve(&ticket_id, Some("Một câu trả lời.")).await;
        } else {
            forwarded.refused(409, "NOT_WAITING");
        }
        platform.rest().followed(&code, "TICKET_STATE_ANSWERED").await;
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_officers_page_moves_a_case_in_both_languages() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (ticket_id, _) = with_the_law_unit(&platform, "Trạm thu phí mở khi nào?").await;
    let law = platform.rest_of("an", LAW).await;
    let version = held(&law, &ticket_id, LAW).await["draft"]["version"].clone();
    let page = format!("/can-bo/phieu/{ticket_id}");
    let post = async |what: &str, form: String| law.page(&format!("{page}/{what}"), Some(form)).await;

    let shown = law.page(&page, None).await.text;
    for words in [
        "Quá trình xử lý",
        "Bộ phận một cửa",
        "Điều phối giao",
        "0 trên 2 lượt",
        "Chuyển tiếp cho đơn vị khác",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let shown = law.page(&format!("{page}?lang=en"), None).await.text;
    for words in [
        "Where it has been",
        "Assigned by the dispatcher",
        "Hand on to another unit",
        "Ask another unit for its part",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // What was typed stays when it is refused.
    let refused = post("tra-lai", format!("version={version}&reason=Kh%C3%B4ng&unit=&no_owner=")).await;
    assert!(refused.status == 400 && refused.text.contains("Hãy nêu đơn vị có trách nhiệm"), "{refused:?}");
    assert!(refused.text.contains(">Không</textarea>"), "{refused:?}");
    let asked =
        post("phoi-hop", format!("version={version}&unit={PLAN}&request=Ph%E1%BA%A7n&due=")).await.text;
    assert!(asked.contains("Ý kiến phối hợp") && asked.contains("Chờ góp ý"), "{asked}");
    let moved = post("chuyen-tiep", format!("version={version}&unit={PLAN}&reason=Ti%E1%BA%BFp")).await.text;
    assert!(moved.contains("Đã chuyển câu hỏi"), "{moved}");
    let plan = platform.rest_of("binh", PLAN).await;
    held(&plan, &ticket_id, PLAN).await;
    let shown = plan.page(&page, None).await.text;
    let why = r#"Đơn vị trước chuyển tiếp · <span lang="vi">Tiếp</span>"#;
    assert!(shown.contains(why) && shown.contains("1 trên 2 lượt"), "{shown}");
    // It has the question itself now: it is not asked for its part any more.
    assert!(shown.contains("Không cần nữa"), "{shown}");
    platform.stop().await;
}

/// Every gap on the way of a forward.
fn gaps() -> Vec<String> {
    let (returned, routed) =
        (answering::QuestionReturned::event_name(), routing::QuestionRouted::event_name());
    let drafted = answering::AnswerDrafted::event_name();
    let relay =
        [&returned, &routed].map(|name| ["before-publish", "before-mark"].map(|at| format!("{at} {name}")));
    let hearers = [
        ("routing", &returned),
        ("intake", &returned),
        ("answering", &returned),
        ("answering", &routed),
        ("answering", &drafted),
    ];
    let heard = hearers.iter().flat_map(|(service, name)| {
        let fact = name.rsplit('.').next().unwrap();
        ["before-effect", "before-ack"].map(|at| format!("{at}:{service}-{fact} {name}"))
    });
    relay.into_iter().flatten().chain(heard).collect()
}

/// Hands on what the desk has; `None`: nobody answers.
async fn move_on(desk: &Rest, ticket_id: &str) -> Option<()> {
    let path = format!("/api/v1/tickets/{ticket_id}");
    let reply = desk.send(reqwest::Method::GET, &path, None).await?;
    let ticket = reply.status.is_success().then(|| reply.json());
    if let Some(ticket) = ticket.filter(|t| t["state"] == "ANSWER_STATE_DRAFTED" && t["unit"] == DESK) {
        let body = forward(&ticket, LAW).to_string().into_bytes();
        desk.send(reqwest::Method::POST, &format!("{path}/forward"), Some(body)).await?;
    }
    Some(())
}

/// Each life dies in another gap, with the questions of all lives under way. In the end each is with
/// its unit, moved once.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_every_gap_of_a_forward_nothing_is_lost_or_doubled() {
    let dir = data_dir();
    let mut tickets = Vec::new();
    for gap in gaps() {
        let life = Platform::up_unless_killed(dir.path(), &[], &[("MOTCUA_KILL_AT", &gap)]).await;
        let Some(mut platform) = life else { continue };
        let (asker, desk) = (platform.rest(), platform.rest_as("officer", None).await);
        let text = format!("Bị dừng khi chuyển ở {} thì sao?", tickets.len() + 1);
        let body = e2e::rest::question(&text).to_string().into_bytes();
        let asked = asker.send(reqwest::Method::POST, "/api/v1/questions", Some(body)).await;
        if let Some(asked) = asked.filter(|reply| reply.status.is_success()) {
            tickets.push(asked.json()["ticketId"].as_str().unwrap().to_owned());
        }
        let deadline = tokio::time::Instant::now() + Duration::from_secs(90);
        while platform.ended().is_none() {
            for ticket_id in &tickets {
                move_on(&desk, ticket_id).await;
            }
            assert!(tokio::time::Instant::now() < deadline, "{gap} was not reached: {}", platform.log());
            tokio::task::yield_now().await;
        }
        assert_eq!(platform.wait().await.code(), None, "{gap}: killed, not ended");
    }
    assert!(tickets.len() > 2, "{}", tickets.len());
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let desk = platform.rest_as("officer", None).await;
    for ticket_id in &tickets {
        until("the law unit to have it", || async {
            move_on(&desk, ticket_id).await?;
            let reply = desk.get(&format!("/api/v1/tickets/{ticket_id}")).await;
            let ticket = reply.status.is_success().then(|| reply.json())?;
            (ticket["unit"] == LAW && ticket["state"] == "ANSWER_STATE_DRAFTED").then_some(())
        })
        .await;
    }
    platform.settle().await;
    for ticket_id in &tickets {
        let custody = desk.get(&format!("/api/v1/tickets/{ticket_id}/custody")).await.ok();
        assert_eq!(units(&custody), [DESK, LAW], "{custody}");
    }
    let pool = platform.pool().await;
    let count = async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap() };
    let all = i64::try_from(tickets.len()).unwrap();
    let forwarded = "select count(*) from intake.timeline where what = 'MILESTONE_FORWARDED'";
    assert_eq!(count(forwarded).await, all);
    assert_eq!(count("select count(*) from answering.answer_trace where what = 'forwarded'").await, all);
    assert_eq!(count("select count(*) from bus.dead_letter").await, 0);
    assert_eq!(count("select count(*) from bus.outbox where published_at is null").await, 0);
    platform.stop().await;
}
