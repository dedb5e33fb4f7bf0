//! What askers change, what officers save and see change.

use api::{Timestamp, answering::v1 as answering, intake::v1 as intake, knowledge::v1 as knowledge};

use super::Checked;

pub(super) fn schemas(checked: &mut Checked<'_>) {
    use answering::{AnswerChange, AnswerChangeKind, SavedReply};
    use knowledge::{HotPassage, PublishedPassage};
    let told = Some(Timestamp::default());
    checked.message("AskerReply", &intake::AskerReply { at: told, ..Default::default() });
    checked.message("AmendQuestionRequest", &intake::AmendQuestionRequest::default());
    checked.message("AmendQuestionResponse", &intake::AmendQuestionResponse::default());
    checked.message("WithdrawQuestionRequest", &intake::WithdrawQuestionRequest::default());
    checked.message("WithdrawQuestionResponse", &intake::WithdrawQuestionResponse::default());
    checked.message("ReplyToOfficerRequest", &intake::ReplyToOfficerRequest::default());
    checked.message("ReplyToOfficerResponse", &intake::ReplyToOfficerResponse::default());
    checked.message("SubscribeRequest", &intake::SubscribeRequest::default());
    checked.message("SubscribeResponse", &intake::SubscribeResponse {});
    checked.message("ConfirmSubscriptionRequest", &intake::ConfirmSubscriptionRequest::default());
    checked.message("ConfirmSubscriptionResponse", &intake::ConfirmSubscriptionResponse::default());
    checked.message("EndSubscriptionRequest", &intake::EndSubscriptionRequest::default());
    checked.message("EndSubscriptionResponse", &intake::EndSubscriptionResponse {});
    checked.values::<intake::Assurance>("Assurance", intake::Assurance::as_str_name);
    checked.message("Demand", &intake::Demand::default());
    checked.message("ListDemandsResponse", &intake::ListDemandsResponse::default());
    checked.message("SendEmailCodeRequest", &intake::SendEmailCodeRequest::default());
    let sent = intake::SendEmailCodeResponse { expires_at: told, ..Default::default() };
    checked.message("SendEmailCodeResponse", &sent);
    let passage = PublishedPassage { updated_at: told, valid_until: told, ..Default::default() };
    checked.message("PublishedPassage", &passage);
    checked.message(
        "HotPassage",
        &HotPassage { passage: Some(passage), times: 1, times_on_whole_days: 1, times_before: 1 },
    );
    checked.message("ListHotResponse", &knowledge::ListHotResponse::default());
    checked.message("NoteAnsweredResponse", &knowledge::NoteAnsweredResponse {});
    let item = Some(knowledge::CatalogueItem::default());
    let got = knowledge::GetCatalogueItemResponse { item, ..Default::default() };
    checked.message("GetCatalogueItemResponse", &got);
    checked.message("MergeAnswersRequest", &knowledge::MergeAnswersRequest::default());
    checked.values::<AnswerChangeKind>("AnswerChangeKind", AnswerChangeKind::as_str_name);
    checked.message("AnswerChange", &AnswerChange { at: told, ..Default::default() });
    checked.message("SavedReply", &SavedReply { changed_at: told, ..Default::default() });
    checked.message("ListSavedRepliesResponse", &answering::ListSavedRepliesResponse::default());
    checked.message("PutSavedReplyRequest", &answering::PutSavedReplyRequest::default());
    checked.message("DeleteSavedReplyRequest", &answering::DeleteSavedReplyRequest::default());
    checked.message("DeleteSavedReplyResponse", &answering::DeleteSavedReplyResponse {});
}
