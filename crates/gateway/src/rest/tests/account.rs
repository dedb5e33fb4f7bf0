use super::*;

pub(super) fn schemas(checked: &mut Checked) {
    use routing::{
        Account, CreateAccountRequest, CreateAccountResponse, DisableAccountRequest, DisableAccountResponse,
        EnrolTotpRequest, EnrolTotpResponse, ListAccountsResponse, ResetPasswordRequest,
        ResetPasswordResponse,
    };
    let at = Some(Timestamp::default());
    checked.message("Account", &Account { locked_until: at, changed_at: at, ..Account::default() });
    checked.message("ListAccountsResponse", &ListAccountsResponse::default());
    checked.message("CreateAccountRequest", &CreateAccountRequest::default());
    checked.message("CreateAccountResponse", &CreateAccountResponse::default());
    checked.message("DisableAccountRequest", &DisableAccountRequest::default());
    checked.message("DisableAccountResponse", &DisableAccountResponse::default());
    checked.message("ResetPasswordRequest", &ResetPasswordRequest::default());
    checked.message("ResetPasswordResponse", &ResetPasswordResponse::default());
    checked.message("EnrolTotpRequest", &EnrolTotpRequest::default());
    checked.message("EnrolTotpResponse", &EnrolTotpResponse::default());
}
