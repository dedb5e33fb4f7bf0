use api::routing::v1::{
    self, CheckCallerRequest, CheckCallerResponse, CreateAccountRequest, CreateAccountResponse,
    DisableAccountRequest, DisableAccountResponse, EndSessionRequest, EndSessionResponse, EnrolTotpRequest,
    EnrolTotpResponse, ListAccountsRequest, ListAccountsResponse, ResetPasswordRequest,
    ResetPasswordResponse, SignInRequest, SignInResponse, account_service_server::AccountService,
};
use runtime::{Refusal, RoleName, require};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    account::Account,
    accounts::{Accounts, Wish},
};

const GATEWAY: [RoleName; 1] = [RoleName::Service];
const OPERATOR: [RoleName; 1] = [RoleName::Operator];

#[derive(Clone)]
pub struct AccountGrpc(pub Accounts);

#[tonic::async_trait]
impl AccountService for AccountGrpc {
    async fn sign_in(&self, request: Request<SignInRequest>) -> Result<Response<SignInResponse>, Status> {
        require(&request, &GATEWAY)?;
        let SignInRequest { name, password, code } = request.into_inner();
        let account = self.0.sign_in(&name, &password, &code).await?;
        let (role, unit) = (account.role.to_string(), account.unit.unwrap_or_default());
        Ok(Response::new(SignInResponse { name: account.name, role, unit }))
    }

    async fn check_caller(
        &self,
        request: Request<CheckCallerRequest>,
    ) -> Result<Response<CheckCallerResponse>, Status> {
        require(&request, &GATEWAY)?;
        let CheckCallerRequest { session_id, account, began_at, unit } = request.into_inner();
        let ended = if session_id.is_empty() {
            false
        } else {
            let began = api::time(began_at.as_ref());
            let began = began.ok_or_else(|| {
                Refusal::invalid("beganAt", "TIME_NOT_VALID", "beganAt is when the session began")
            })?;
            self.0.is_ended(session(&session_id)?, &account, began).await?
        };
        let unit = self.0.in_force(&unit).unwrap_or_default();
        Ok(Response::new(CheckCallerResponse { ended, unit }))
    }

    async fn end_session(
        &self,
        request: Request<EndSessionRequest>,
    ) -> Result<Response<EndSessionResponse>, Status> {
        require(&request, &GATEWAY)?;
        let EndSessionRequest { session_id, until } = request.into_inner();
        let until = api::time(until.as_ref())
            .ok_or_else(|| Refusal::invalid("until", "TIME_NOT_VALID", "until is the session's last end"))?;
        self.0.end_session(session(&session_id)?, until).await?;
        Ok(Response::new(EndSessionResponse {}))
    }

    async fn create_account(
        &self,
        request: Request<CreateAccountRequest>,
    ) -> Result<Response<CreateAccountResponse>, Status> {
        let operator = require(&request, &OPERATOR)?;
        let CreateAccountRequest { name, password, role, unit, totp } = request.into_inner();
        let wish = Wish { name, password, role, unit, totp };
        let once = self.0.create_account(wish, &operator.subject).await?;
        let (password, otpauth_uri) = (once.password, once.otpauth_uri);
        Ok(Response::new(CreateAccountResponse { password, otpauth_uri }))
    }

    async fn disable_account(
        &self,
        request: Request<DisableAccountRequest>,
    ) -> Result<Response<DisableAccountResponse>, Status> {
        let operator = require(&request, &OPERATOR)?;
        self.0.disable_account(&request.into_inner().name, &operator.subject).await?;
        Ok(Response::new(DisableAccountResponse {}))
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>, Status> {
        let operator = require(&request, &OPERATOR)?;
        let ResetPasswordRequest { name, password } = request.into_inner();
        let password = self.0.reset_password(&name, password, &operator.subject).await?;
        Ok(Response::new(ResetPasswordResponse { password }))
    }

    async fn enrol_totp(
        &self,
        request: Request<EnrolTotpRequest>,
    ) -> Result<Response<EnrolTotpResponse>, Status> {
        let operator = require(&request, &OPERATOR)?;
        let otpauth_uri = self.0.enrol_totp(&request.into_inner().name, &operator.subject).await?;
        Ok(Response::new(EnrolTotpResponse { otpauth_uri }))
    }

    async fn list_accounts(
        &self,
        request: Request<ListAccountsRequest>,
    ) -> Result<Response<ListAccountsResponse>, Status> {
        require(&request, &OPERATOR)?;
        let ListAccountsRequest { limit, page_token } = request.into_inner();
        let (accounts, next_page_token) = self.0.list_accounts(limit, &page_token).await?;
        let accounts = accounts.into_iter().map(Into::into).collect();
        Ok(Response::new(ListAccountsResponse { accounts, next_page_token }))
    }
}

fn session(id: &str) -> Result<Uuid, Refusal> {
    id.parse().map_err(|_| Refusal::invalid("sessionId", "SESSION_ID_NOT_VALID", "sessionId is a UUID"))
}

impl From<Account> for v1::Account {
    fn from(account: Account) -> Self {
        Self {
            locked: account.locked_for_good(),
            name: account.name,
            role: account.role.to_string(),
            unit: account.unit.unwrap_or_default(),
            totp: account.totp.is_some(),
            disabled: account.disabled,
            failures: account.failures,
            locked_until: account.locked_until.map(api::timestamp),
            changed_at: Some(api::timestamp(account.changed_at)),
            changed_by: account.changed_by,
        }
    }
}
