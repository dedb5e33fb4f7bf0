//! REST: every route is one gRPC call; bodies are the protobuf messages in canonical JSON.

mod account;
mod analyst;
mod asker;
mod automation;
mod deadline;
mod digest;
mod editor;
mod moving;
mod notice;
mod officer;
mod overview;
mod registry;
mod report;
mod review;
mod saved;
mod subscription;
mod verification;

use axum::{
    Router,
    handler::Handler,
    http::Method,
    response::Response,
    routing::{get, post},
};

use crate::{assets, problem::Problem, state::Gateway};

type Reply = Result<Response, Problem>;

/// Routes, and the list of them that the OpenAPI document is checked against.
#[derive(Default)]
pub(crate) struct Table {
    pub router: Router<Gateway>,
    pub listed: Vec<(Method, &'static str)>,
}

impl Table {
    fn get<H: Handler<T, Gateway>, T: 'static>(mut self, path: &'static str, handler: H) -> Self {
        self.listed.push((Method::GET, path));
        self.router = self.router.route(path, get(handler));
        self
    }

    fn post<H: Handler<T, Gateway>, T: 'static>(mut self, path: &'static str, handler: H) -> Self {
        self.listed.push((Method::POST, path));
        self.router = self.router.route(path, post(handler));
        self
    }
}

pub(crate) fn routes() -> Table {
    Table::default()
        .post("/api/v1/questions", asker::submit_question)
        .get("/api/v1/questions/{trackingCode}", asker::get_ticket)
        .post("/api/v1/questions/{trackingCode}/rating", asker::rate_answer)
        .post("/api/v1/questions/{trackingCode}/not-answered", asker::reject_answer)
        .post("/api/v1/questions/{trackingCode}/amend", asker::amend_question)
        .post("/api/v1/questions/{trackingCode}/withdraw", asker::withdraw_question)
        .post("/api/v1/questions/{trackingCode}/reply", asker::reply_to_officer)
        .get("/api/v1/search", asker::search)
        .get("/api/v1/hot", asker::list_hot)
        .post("/api/v1/answers/{passageId}/answered-me", asker::note_answered)
        .get("/api/v1/organisation", asker::get_organisation)
        .get("/api/v1/inbox", officer::list_inbox)
        .get("/api/v1/tickets/{ticketId}", officer::get_draft)
        .post("/api/v1/tickets/{ticketId}/approve", officer::approve_answer)
        .post("/api/v1/tickets/{ticketId}/return", officer::return_question)
        .post("/api/v1/tickets/{ticketId}/assign", officer::assign_unit)
        .get("/api/v1/tickets/{ticketId}/deadline", deadline::get_deadline)
        .post("/api/v1/tickets/{ticketId}/deadline/pause", deadline::pause_deadline)
        .post("/api/v1/tickets/{ticketId}/deadline/resume", deadline::resume_deadline)
        .post("/api/v1/tickets/{ticketId}/deadline/extend", deadline::extend_deadline)
        .post("/api/v1/tickets/{ticketId}/deadline/hasten", deadline::hasten_deadline)
        .get("/api/v1/tickets/{ticketId}/routing", officer::get_routing)
        .get("/api/v1/answers", editor::list_passages)
        .get("/api/v1/answers/{passageId}", editor::get_passage)
        .post("/api/v1/answers/{passageId}/correct", editor::correct_answer)
        .post("/api/v1/answers/{passageId}/withdraw", editor::withdraw_answer)
        .post("/api/v1/answers/{passageId}/supersede", editor::supersede_answer)
        .post("/api/v1/answers/{passageId}/validity", editor::set_validity)
        .get("/api/v1/answers/{passageId}/recall", editor::get_recall)
        .get("/api/v1/catalogue", editor::list_catalogue)
        .get("/api/v1/catalogue/{itemId}", editor::get_catalogue_item)
        .post("/api/v1/answers/{passageId}/merge", editor::merge_answers)
        .post("/api/v1/catalogue", editor::put_catalogue_items)
        .get("/api/v1/reviews", editor::list_reviews)
        .get("/api/v1/contradictions", editor::list_contradictions)
        .post("/api/v1/contradictions/compatible", editor::mark_compatible)
        .post("/api/v1/tickets/{ticketId}/family/attach", officer::attach_member)
        .post("/api/v1/tickets/{ticketId}/family/detach", officer::detach_member)
        .get("/api/v1/automation", automation::list_automation)
        .post("/api/v1/automation", automation::set_automation)
        .post("/api/v1/automation/back-tests", automation::file_back_test)
        .post("/api/v1/automation/stop", automation::stop_automation)
        .get("/api/v1/judgements", automation::list_judgements)
        .get("/api/v1/reports/drift", analyst::drift)
        .get("/api/v1/reports/hotness", analyst::hotness)
        .get("/api/v1/reports/deadlines", analyst::deadlines)
        .get("/api/v1/reports/satisfaction", analyst::satisfaction)
        .get("/api/v1/overview", overview::get_overview)
        .get("/api/v1/overview/tickets", overview::list_tickets)
        .get("/api/v1/lag", analyst::lag)
        .get("/api/v1/dead-letters", analyst::list_dead_letters)
        .post("/api/v1/dead-letters/redrive", analyst::redrive_dead_letters)
        .get("/api/v1/registry", registry::get_registry)
        .post("/api/v1/registry/plan", registry::plan_organisation)
        .post("/api/v1/registry/apply", registry::apply_organisation)
        .post("/api/v1/photos", report::upload_photo)
        .get("/api/v1/field-reports/fields", report::list_report_fields)
        .get("/api/v1/field-reports/nearest", report::find_nearest)
        .get("/api/v1/tickets/{ticketId}/report", report::get_report)
        .post("/api/v1/tickets/{ticketId}/publicity", report::set_publicity)
        .post("/api/v1/tickets/{ticketId}/forward", moving::forward_question)
        .get("/api/v1/tickets/{ticketId}/custody", moving::get_custody)
        .post("/api/v1/tickets/{ticketId}/co-answers", moving::ask_co_answer)
        .get("/api/v1/co-answers", moving::list_asked)
        .post("/api/v1/co-answers/{coAnswerId}/give", moving::give_co_answer)
        .post("/api/v1/co-answers/{coAnswerId}/decline", moving::decline_co_answer)
        .post("/api/v1/co-answers/{coAnswerId}/withdraw", moving::withdraw_co_answer)
        .get("/api/v1/tickets/{ticketId}/co-answers", moving::list_co_answers)
        .post("/api/v1/tickets/{ticketId}/check", review::check_answer)
        .post("/api/v1/tickets/{ticketId}/submit", review::submit_for_review)
        .post("/api/v1/tickets/{ticketId}/correction", review::ask_correction)
        .post("/api/v1/subscriptions", subscription::subscribe)
        .post("/api/v1/subscriptions/confirm", subscription::confirm_subscription)
        .post("/api/v1/subscriptions/end", subscription::end_subscription)
        .get("/api/v1/demands", verification::list_demands)
        .post("/api/v1/email-codes", verification::send_email_code)
        .get("/api/v1/saved-replies", saved::list_saved_replies)
        .post("/api/v1/saved-replies/{savedReplyId}", saved::put_saved_reply)
        .post("/api/v1/saved-replies/{savedReplyId}/delete", saved::delete_saved_reply)
        .get("/api/v1/digests", digest::list_digests)
        .post("/api/v1/digests", digest::gather_digest)
        .get("/api/v1/digests/{digestId}", digest::get_digest)
        .get("/api/v1/digests/{digestId}/sheet", digest::export_digest)
        .post("/api/v1/digests/{digestId}/answer", digest::answer_item)
        .post("/api/v1/digests/{digestId}/return", digest::return_item)
        .post("/api/v1/digests/{digestId}/withdraw", digest::withdraw_item)
        .post("/api/v1/digests/{digestId}/import", digest::import_answers)
        .get("/api/v1/notices", notice::list_notices)
        .post("/api/v1/notices/replay", notice::replay_notices)
        .get("/api/v1/accounts", account::list_accounts)
        .post("/api/v1/accounts", account::create_account)
        .post("/api/v1/accounts/{name}/disable", account::disable_account)
        .post("/api/v1/accounts/{name}/password", account::reset_password)
        .post("/api/v1/accounts/{name}/totp", account::enrol_totp)
        .get("/api/openapi.json", assets::openapi)
}

#[cfg(test)]
mod tests;
