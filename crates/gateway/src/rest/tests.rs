//! The OpenAPI document is written by hand: these tests hold it to the routes and the messages.

mod account;

use std::collections::BTreeSet;

use api::{Timestamp, analytics::v1 as analytics, answering::v1 as answering, intake::v1 as intake};
use api::{knowledge::v1 as knowledge, routing::v1 as routing};
use serde::Serialize;
use serde_json::Value;

mod analytics_schemas;

use super::routes;
use crate::assets::OPENAPI;

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

#[test]
fn every_route_is_documented_and_the_reverse() {
    let listed: BTreeSet<_> =
        routes().listed.iter().map(|(method, path)| (method.to_string(), (*path).to_owned())).collect();
    let document = document();
    let documented: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    assert_eq!(listed, documented);
}

#[test]
fn every_path_parameter_is_documented() {
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let named = operation["parameters"].as_array().into_iter().flatten();
            let named: Vec<_> = named.filter(|p| p["in"] == "path").map(|p| &p["name"]).collect();
            let wanted: Vec<_> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(named, wanted, "{path}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|v| collect(v, references));
        }
        Value::Array(items) => items.iter().for_each(|v| collect(v, references)),
        _ => {}
    }
}

/// Checks a schema against a message whose optional parts are filled in (they are left out of the
/// JSON when absent), and notes that it was checked.
struct Checked<'a> {
    schemas: &'a serde_json::Map<String, Value>,
    names: BTreeSet<&'a str>,
}

impl<'a> Checked<'a> {
    fn message(&mut self, name: &'a str, message: &impl Serialize) {
        let json = serde_json::to_value(message).unwrap();
        let keys: BTreeSet<_> = json.as_object().unwrap().keys().cloned().collect();
        let schema = &self.schemas[name];
        let properties: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(properties, keys, "{name}");
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(keys.contains(required.as_str().unwrap()), "{name} requires {required}");
        }
        self.names.insert(name);
    }

    fn values<E>(&mut self, name: &'a str, to_name: fn(&E) -> &'static str)
    where
        E: TryFrom<i32>,
    {
        let names: Vec<_> = (0..100).filter_map(|n| E::try_from(n).ok()).map(|e| to_name(&e)).collect();
        assert_eq!(self.schemas[name]["enum"], serde_json::json!(names), "{name}");
        self.names.insert(name);
    }
}

#[test]
fn the_schemas_name_the_messages_fields() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    // Gateway's own words.
    let mut checked = Checked { schemas, names: BTreeSet::from(["Problem", "Lag"]) };
    intake_schemas(&mut checked);
    report_schemas(&mut checked);
    officer_schemas(&mut checked);
    automation_schemas(&mut checked);
    deadline_schemas(&mut checked);
    registry_schemas(&mut checked);
    account::schemas(&mut checked);
    moving_schemas(&mut checked);
    review_schemas(&mut checked);
    editor_schemas(&mut checked);
    analytics_schemas::check(&mut checked);
    notice_schemas(&mut checked);
    digest_schemas(&mut checked);
    let all: BTreeSet<_> = schemas.keys().map(String::as_str).collect();
    assert_eq!(checked.names, all, "schemas that nothing checks");
}

fn intake_schemas(checked: &mut Checked) {
    use intake::{
        AnswerNotice, Asker, Citation, FormerAnswer, GetRecallResponse, GetTicketResponse, Kind, Milestone,
        PublishedAnswer, Question, RateAnswerRequest, RateAnswerResponse, Recipient, RejectAnswerRequest,
        RejectAnswerResponse, SubmitQuestionRequest, SubmitQuestionResponse, TicketState, TimelineEntry,
    };
    checked.values::<Kind>("Kind", Kind::as_str_name);
    checked.values::<TicketState>("TicketState", TicketState::as_str_name);
    checked.values::<Milestone>("Milestone", Milestone::as_str_name);
    checked.message("Asker", &Asker::default());
    let (asker, place) = (Some(Asker::default()), Some(intake::Place::default()));
    checked.message(
        "SubmitQuestionRequest",
        &SubmitQuestionRequest { asker, place, ..SubmitQuestionRequest::default() },
    );
    checked.message("SubmitQuestionResponse", &SubmitQuestionResponse::default());
    checked.message(
        "TimelineEntry",
        &TimelineEntry { at: Some(Timestamp::default()), ..TimelineEntry::default() },
    );
    checked.message("Citation", &Citation::default());
    checked.message("AnswerNotice", &AnswerNotice { at: Some(Timestamp::default()), ..Default::default() });
    let told = Some(Timestamp::default());
    checked.message("Recipient", &Recipient { received_at: told, told_at: told, ..Default::default() });
    checked.message("GetRecallResponse", &GetRecallResponse { at: told, ..Default::default() });
    let answer = PublishedAnswer { published_at: Some(Timestamp::default()), ..PublishedAnswer::default() };
    checked.message("PublishedAnswer", &answer);
    let ticket = GetTicketResponse {
        answer: Some(answer),
        due_at: Some(Timestamp::default()),
        place: Some(intake::Place::default()),
        ..GetTicketResponse::default()
    };
    checked.message("FormerAnswer", &FormerAnswer { answer: ticket.answer.clone(), ..Default::default() });
    checked.message("GetTicketResponse", &ticket);
    checked.message("RateAnswerRequest", &RateAnswerRequest::default());
    checked.message("RateAnswerResponse", &RateAnswerResponse::default());
    checked.message("RejectAnswerRequest", &RejectAnswerRequest::default());
    checked.message("RejectAnswerResponse", &RejectAnswerResponse::default());
    checked.message(
        "Question",
        &Question {
            submitted_at: Some(Timestamp::default()),
            place: Some(intake::Place::default()),
            ..Question::default()
        },
    );
}

fn automation_schemas(checked: &mut Checked) {
    use answering::{
        Automation, AutomationMode, BackTest, DraftOutcome, DraftUse, FileBackTestRequest,
        FileBackTestResponse, Judgement, ListAutomationResponse, ListJudgementsResponse,
        SetAutomationRequest, SetAutomationResponse, StopAutomationRequest, StopAutomationResponse,
    };
    let at = Some(Timestamp::default());
    checked.values::<AutomationMode>("AutomationMode", AutomationMode::as_str_name);
    checked.values::<DraftOutcome>("DraftOutcome", DraftOutcome::as_str_name);
    checked.message("DraftUse", &DraftUse::default());
    let back_test = BackTest { filed_at: at, ..BackTest::default() };
    checked.message("BackTest", &back_test);
    let automation =
        Automation { back_test: Some(back_test.clone()), changed_at: at, ..Automation::default() };
    checked.message("Automation", &automation);
    checked.message("ListAutomationResponse", &ListAutomationResponse::default());
    checked.message("SetAutomationRequest", &SetAutomationRequest { seen_at: at, ..Default::default() });
    checked.message("SetAutomationResponse", &SetAutomationResponse { automation: Some(automation) });
    checked.message("FileBackTestRequest", &FileBackTestRequest::default());
    checked.message("FileBackTestResponse", &FileBackTestResponse { back_test: Some(back_test) });
    checked.message("StopAutomationRequest", &StopAutomationRequest::default());
    checked.message("StopAutomationResponse", &StopAutomationResponse::default());
    let draft_use = Some(DraftUse::default());
    checked.message("Judgement", &Judgement { r#use: draft_use, judged_at: at, ..Judgement::default() });
    checked.message("ListJudgementsResponse", &ListJudgementsResponse::default());
}

fn registry_schemas(checked: &mut Checked) {
    use routing::{
        ApplyOrganisationRequest, ApplyOrganisationResponse, GetRegistryResponse, OrganisationChange,
        OrganisationStep, OrganisationThing, PlanOrganisationRequest, PlanOrganisationResponse,
        RegistryAgency, RegistryField, RegistryFormer, RegistryUnit, RegistryVersion,
    };
    checked.values::<OrganisationChange>("OrganisationChange", OrganisationChange::as_str_name);
    checked.values::<OrganisationThing>("OrganisationThing", OrganisationThing::as_str_name);
    checked.message("OrganisationStep", &OrganisationStep::default());
    checked.message("PlanOrganisationRequest", &PlanOrganisationRequest::default());
    checked.message("ApplyOrganisationRequest", &ApplyOrganisationRequest::default());
    let (valid_from, valid_until) = (Some(Timestamp::default()), Some(Timestamp::default()));
    let plan = PlanOrganisationResponse { valid_from, ..Default::default() };
    checked.message("PlanOrganisationResponse", &plan);
    let applied = ApplyOrganisationResponse { valid_from, ..Default::default() };
    checked.message("ApplyOrganisationResponse", &applied);
    let agency = RegistryAgency { valid_from, valid_until, ..Default::default() };
    checked.message("RegistryAgency", &agency);
    checked.message("RegistryUnit", &RegistryUnit { valid_from, valid_until, ..Default::default() });
    checked.message("RegistryField", &RegistryField { valid_from, valid_until, ..Default::default() });
    checked.message("RegistryFormer", &RegistryFormer { valid_from, valid_until, ..Default::default() });
    let version = RegistryVersion { valid_from, applied_at: valid_from, ..Default::default() };
    checked.message("RegistryVersion", &version);
    checked.message("GetRegistryResponse", &GetRegistryResponse::default());
}

fn report_schemas(checked: &mut Checked) {
    use intake::{
        FindNearestReportResponse, GetReportResponse, ListReportFieldsResponse, NearReport, Place, Publicity,
        ReportField, SetPublicityRequest, SetPublicityResponse, UploadPhotoResponse,
    };
    checked.values::<Publicity>("Publicity", Publicity::as_str_name);
    checked.message("Place", &Place::default());
    checked.message("UploadPhotoResponse", &UploadPhotoResponse::default());
    let near = NearReport { submitted_at: Some(Timestamp::default()), ..NearReport::default() };
    checked.message("NearReport", &near);
    let nearest = Some(near);
    let report =
        GetReportResponse { place: Some(Place::default()), nearest: nearest.clone(), ..Default::default() };
    checked.message("GetReportResponse", &report);
    checked.message("FindNearestReportResponse", &FindNearestReportResponse { nearest });
    checked.message("SetPublicityRequest", &SetPublicityRequest::default());
    checked.message("SetPublicityResponse", &SetPublicityResponse::default());
    checked.message("ReportField", &ReportField::default());
    checked.message("ListReportFieldsResponse", &ListReportFieldsResponse::default());
}

fn officer_schemas(checked: &mut Checked) {
    use answering::{
        AnswerState, ApproveAnswerRequest, ApproveAnswerResponse, AttachMemberRequest, AttachMemberResponse,
        DetachMemberRequest, DetachMemberResponse, Draft, FamilyMember, GetDraftResponse, InboxItem,
        ListInboxResponse, ReturnQuestionRequest, ReturnQuestionResponse,
    };
    use knowledge::{Band, Neighbour, SearchResponse, SearchResult, Verdict};
    use routing::{
        Agency, AssignUnitRequest, AssignUnitResponse, Field, GetOrganisationResponse, GetRoutingResponse,
        RoutingReason, Unit, UnitSuggestion,
    };
    checked.values::<AnswerState>("AnswerState", AnswerState::as_str_name);
    checked.values::<Band>("Band", Band::as_str_name);
    checked.values::<RoutingReason>("RoutingReason", RoutingReason::as_str_name);
    checked.message("SearchResult", &SearchResult::default());
    checked.message("SearchResponse", &SearchResponse::default());
    checked.message("Verdict", &Verdict::default());
    checked.message("Neighbour", &Neighbour::default());
    checked.message("Agency", &Agency::default());
    checked.message("Unit", &Unit::default());
    checked.message("Field", &Field::default());
    checked.message("GetOrganisationResponse", &GetOrganisationResponse::default());
    checked.message("AssignUnitRequest", &AssignUnitRequest::default());
    checked.message(
        "AssignUnitResponse",
        &AssignUnitResponse { due_at: Some(Timestamp::default()), ..Default::default() },
    );
    checked.message("UnitSuggestion", &UnitSuggestion::default());
    checked.message("GetRoutingResponse", &GetRoutingResponse::default());
    let at = Some(Timestamp::default());
    let deadline = Some(routing::Deadline::default());
    checked.message(
        "InboxItem",
        &InboxItem { due_at: at, urgent_at: at, deadline: deadline.clone(), ..InboxItem::default() },
    );
    checked.message("FamilyMember", &FamilyMember { asked_at: at, due_at: at, ..FamilyMember::default() });
    checked.message("AttachMemberRequest", &AttachMemberRequest::default());
    checked.message("AttachMemberResponse", &AttachMemberResponse::default());
    checked.message("DetachMemberRequest", &DetachMemberRequest::default());
    checked.message("DetachMemberResponse", &DetachMemberResponse::default());
    checked.message("ListInboxResponse", &ListInboxResponse::default());
    let draft = Draft { verdict: Some(Verdict::default()), ..Draft::default() };
    checked.message("Draft", &draft);
    let ticket = GetDraftResponse {
        question: Some(intake::Question::default()),
        due_at: Some(Timestamp::default()),
        draft: Some(draft),
        deadline,
        review: Some(answering::Review::default()),
        policy: Some(answering::ReplyPolicy::default()),
        ..GetDraftResponse::default()
    };
    checked.message("GetDraftResponse", &ticket);
    checked.message("ApproveAnswerRequest", &ApproveAnswerRequest::default());
    checked.message("ApproveAnswerResponse", &ApproveAnswerResponse::default());
    checked.message("ReturnQuestionRequest", &ReturnQuestionRequest::default());
    checked.message("ReturnQuestionResponse", &ReturnQuestionResponse::default());
}

fn deadline_schemas(checked: &mut Checked) {
    use routing::{
        Deadline, DeadlineEnding, DeadlineExtension, DeadlinePause, DeadlineRecomputation, DeadlineStep,
        ExtendDeadlineRequest, GetDeadlineResponse, HastenDeadlineRequest, PauseDeadlineRequest,
        ResumeDeadlineRequest, SpanUnit, WaitsFor,
    };
    let at = Some(Timestamp::default());
    checked.values::<WaitsFor>("WaitsFor", WaitsFor::as_str_name);
    checked.values::<DeadlineStep>("DeadlineStep", DeadlineStep::as_str_name);
    checked.values::<DeadlineEnding>("DeadlineEnding", DeadlineEnding::as_str_name);
    checked.values::<SpanUnit>("SpanUnit", SpanUnit::as_str_name);
    let deadline = Deadline {
        due_at: at,
        first_response_due_at: at,
        first_response_at: at,
        paused_at: at,
        ..Default::default()
    };
    checked.message("Deadline", &deadline);
    checked.message("DeadlinePause", &DeadlinePause { since: at, until: at, ..Default::default() });
    checked.message("DeadlineExtension", &DeadlineExtension { at, due_before: at, ..Default::default() });
    checked.message("DeadlineRecomputation", &DeadlineRecomputation { at, due_before: at, due_at: at });
    let response = GetDeadlineResponse { deadline: Some(deadline), ..Default::default() };
    checked.message("GetDeadlineResponse", &response);
    checked.message("PauseDeadlineRequest", &PauseDeadlineRequest::default());
    checked.message("ResumeDeadlineRequest", &ResumeDeadlineRequest::default());
    checked.message("ExtendDeadlineRequest", &ExtendDeadlineRequest::default());
    checked.message("HastenDeadlineRequest", &HastenDeadlineRequest::default());
}

fn moving_schemas(checked: &mut Checked) {
    use answering::{
        AskCoAnswerRequest, CoAnswer, CoAnswerState, DeclineCoAnswerRequest, ForwardQuestionRequest,
        ForwardQuestionResponse, GiveCoAnswerRequest, ListCoAnswersResponse, WithdrawCoAnswerRequest,
    };
    use routing::{Binding, CustodyPeriod, GetCustodyResponse};
    let at = Some(Timestamp::default());
    checked.values::<Binding>("Binding", Binding::as_str_name);
    checked.values::<CoAnswerState>("CoAnswerState", CoAnswerState::as_str_name);
    checked.message("ForwardQuestionRequest", &ForwardQuestionRequest::default());
    checked.message("ForwardQuestionResponse", &ForwardQuestionResponse::default());
    checked.message("AskCoAnswerRequest", &AskCoAnswerRequest { due_at: at, ..Default::default() });
    checked.message("GiveCoAnswerRequest", &GiveCoAnswerRequest::default());
    checked.message("DeclineCoAnswerRequest", &DeclineCoAnswerRequest::default());
    checked.message("WithdrawCoAnswerRequest", &WithdrawCoAnswerRequest::default());
    let part = CoAnswer { asked_at: at, due_at: at, changed_at: at, ..Default::default() };
    checked.message("CoAnswer", &part);
    checked.message("ListCoAnswersResponse", &ListCoAnswersResponse::default());
    checked.message("CustodyPeriod", &CustodyPeriod { since: at, until: at, ..Default::default() });
    checked.message("GetCustodyResponse", &GetCustodyResponse::default());
}

fn review_schemas(checked: &mut Checked) {
    use answering::{
        AskCorrectionRequest, AskCorrectionResponse, CheckAnswerRequest, CheckAnswerResponse, Finding,
        FindingCode, ReplyPolicy, Review, ReviewStage, SubmitForReviewRequest, SubmitForReviewResponse,
    };
    let at = Some(Timestamp::default());
    checked.values::<ReviewStage>("ReviewStage", ReviewStage::as_str_name);
    checked.values::<FindingCode>("FindingCode", FindingCode::as_str_name);
    let review = Some(Review { submitted_at: at, commented_at: at, ..Default::default() });
    checked.message("Review", review.as_ref().unwrap());
    checked.message("ReplyPolicy", &ReplyPolicy::default());
    checked.message("Finding", &Finding::default());
    checked.message("CheckAnswerRequest", &CheckAnswerRequest::default());
    checked.message("CheckAnswerResponse", &CheckAnswerResponse::default());
    checked.message("SubmitForReviewRequest", &SubmitForReviewRequest::default());
    let submitted = SubmitForReviewResponse { review: review.clone(), ..Default::default() };
    checked.message("SubmitForReviewResponse", &submitted);
    checked.message("AskCorrectionRequest", &AskCorrectionRequest::default());
    checked.message("AskCorrectionResponse", &AskCorrectionResponse { review, ..Default::default() });
}

fn editor_schemas(checked: &mut Checked) {
    use knowledge::{
        CatalogueItem, CatalogueKind, Change, Contradiction, CorrectAnswerRequest, GetPassageResponse,
        ImportRefusal, ListCatalogueResponse, ListContradictionsResponse, ListPassagesResponse,
        ListReviewsResponse, MarkCompatibleRequest, MarkCompatibleResponse, Passage, PassageState,
        PassageVersion, PutCatalogueItemsRequest, PutCatalogueItemsResponse, ReviewReason, ReviewTask,
        SetValidityRequest, SupersedeAnswerRequest, WithdrawAnswerRequest,
    };
    let at = Some(Timestamp::default());
    checked.values::<PassageState>("PassageState", PassageState::as_str_name);
    checked.values::<Change>("Change", Change::as_str_name);
    checked.values::<CatalogueKind>("CatalogueKind", CatalogueKind::as_str_name);
    checked.values::<ReviewReason>("ReviewReason", ReviewReason::as_str_name);
    let passage = Passage { valid_from: at, valid_until: at, updated_at: at, ..Default::default() };
    checked.message("Passage", &passage);
    checked.message("PassageVersion", &PassageVersion { at, ..Default::default() });
    checked.message(
        "GetPassageResponse",
        &GetPassageResponse { passage: Some(passage.clone()), ..Default::default() },
    );
    checked.message("ListPassagesResponse", &ListPassagesResponse::default());
    checked.message("CorrectAnswerRequest", &CorrectAnswerRequest::default());
    checked.message("SupersedeAnswerRequest", &SupersedeAnswerRequest::default());
    checked.message("WithdrawAnswerRequest", &WithdrawAnswerRequest::default());
    let validity = SetValidityRequest { valid_from: at, valid_until: at, ..Default::default() };
    checked.message("SetValidityRequest", &validity);
    let item = CatalogueItem { valid_from: at, valid_until: at, ..Default::default() };
    checked.message("CatalogueItem", &item);
    checked.message("PutCatalogueItemsRequest", &PutCatalogueItemsRequest::default());
    checked.message("PutCatalogueItemsResponse", &PutCatalogueItemsResponse::default());
    checked.message("ImportRefusal", &ImportRefusal::default());
    checked.message("ListCatalogueResponse", &ListCatalogueResponse::default());
    checked.message("ReviewTask", &ReviewTask { opened_at: at, ..Default::default() });
    checked.message("ListReviewsResponse", &ListReviewsResponse::default());
    let (left, right) = (Some(passage.clone()), Some(passage));
    checked.message("Contradiction", &Contradiction { left, right, found_at: at });
    checked.message("ListContradictionsResponse", &ListContradictionsResponse::default());
    checked.message("MarkCompatibleRequest", &MarkCompatibleRequest::default());
    checked.message("MarkCompatibleResponse", &MarkCompatibleResponse::default());
}

fn notice_schemas(checked: &mut Checked) {
    use analytics::{ListNoticesResponse, Notice, NoticeState, ReplayNoticesRequest, ReplayNoticesResponse};
    let at = Some(Timestamp::default());
    checked.values::<NoticeState>("NoticeState", NoticeState::as_str_name);
    let notice = Notice { next_at: at, ended_at: at, created_at: at, ..Notice::default() };
    checked.message("Notice", &notice);
    checked.message("ListNoticesResponse", &ListNoticesResponse::default());
    checked.message("ReplayNoticesRequest", &ReplayNoticesRequest { since: at, ..Default::default() });
    checked.message("ReplayNoticesResponse", &ReplayNoticesResponse::default());
}

fn digest_schemas(checked: &mut Checked) {
    use answering::{
        AnswerItemRequest, Digest, DigestItem, DigestItemState, ExportDigestResponse, GatherDigestRequest,
        GatherDigestResponse, GetDigestResponse, ImportAnswersRequest, ImportAnswersResponse, ImportOutcome,
        ImportedItem, ItemResponse, ListDigestsResponse, ReturnItemRequest, WithdrawItemRequest,
    };
    let at = Some(Timestamp::default());
    checked.values::<DigestItemState>("DigestItemState", DigestItemState::as_str_name);
    checked.values::<ImportOutcome>("ImportOutcome", ImportOutcome::as_str_name);
    let digest = Digest { gathered_at: at, due_at: at, closed_at: at, ..Digest::default() };
    checked.message("Digest", &digest);
    let question = Some(intake::Question::default());
    let item = DigestItem { question, ended_at: at, ..DigestItem::default() };
    checked.message("DigestItem", &item);
    checked.message("ListDigestsResponse", &ListDigestsResponse::default());
    let whole = GetDigestResponse { digest: Some(digest.clone()), ..Default::default() };
    checked.message("GetDigestResponse", &whole);
    checked.message("ExportDigestResponse", &ExportDigestResponse::default());
    checked.message("GatherDigestRequest", &GatherDigestRequest::default());
    checked.message("GatherDigestResponse", &GatherDigestResponse { digest: Some(digest) });
    checked.message("AnswerItemRequest", &AnswerItemRequest::default());
    checked.message("ReturnItemRequest", &ReturnItemRequest::default());
    checked.message("WithdrawItemRequest", &WithdrawItemRequest::default());
    checked.message("ItemResponse", &ItemResponse { item: Some(item), ..Default::default() });
    checked.message("ImportAnswersRequest", &ImportAnswersRequest::default());
    checked.message("ImportedItem", &ImportedItem::default());
    checked.message("ImportAnswersResponse", &ImportAnswersResponse::default());
}
