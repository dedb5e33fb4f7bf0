//! What askers change, what officers save and see change.

use api::{Timestamp, answering::v1 as answering, intake::v1 as intake};

use super::Checked;

pub(super) fn schemas(checked: &mut Checked<'_>) {
    use answering::{AnswerChange, AnswerChangeKind, SavedReply};
    let told = Some(Timestamp::default());
    checked.message("AskerReply", &intake::AskerReply { at: told, ..Default::default() });
    checked.message("AmendQuestionRequest", &intake::AmendQuestionRequest::default());
    checked.message("AmendQuestionResponse", &intake::AmendQuestionResponse::default());
    checked.message("WithdrawQuestionRequest", &intake::WithdrawQuestionRequest::default());
    checked.message("WithdrawQuestionResponse", &intake::WithdrawQuestionResponse::default());
    checked.message("ReplyToOfficerRequest", &intake::ReplyToOfficerRequest::default());
    checked.message("ReplyToOfficerResponse", &intake::ReplyToOfficerResponse::default());
    checked.values::<AnswerChangeKind>("AnswerChangeKind", AnswerChangeKind::as_str_name);
    checked.message("AnswerChange", &AnswerChange { at: told, ..Default::default() });
    checked.message("SavedReply", &SavedReply { changed_at: told, ..Default::default() });
    checked.message("ListSavedRepliesResponse", &answering::ListSavedRepliesResponse::default());
    checked.message("PutSavedReplyRequest", &answering::PutSavedReplyRequest::default());
    checked.message("DeleteSavedReplyRequest", &answering::DeleteSavedReplyRequest::default());
    checked.message("DeleteSavedReplyResponse", &answering::DeleteSavedReplyResponse {});
}
