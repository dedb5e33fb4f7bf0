//! `motcua account`: local accounts of a running platform.

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Context as _, anyhow};
use api::routing::v1::{
    CreateAccountRequest, DisableAccountRequest, EnrolTotpRequest, ListAccountsRequest, ResetPasswordRequest,
    account_service_client::AccountServiceClient,
};
use clap::Subcommand;
use runtime::RoleName;

use crate::{client, output::say, settings::Settings};

/// Bytes of a password on standard input, at most: more than any that is taken.
const PASSWORD_MAX: u64 = 4_096;

#[derive(Subcommand)]
pub enum Account {
    /// Makes an account. Its password is the first line of standard input; at a terminal, or where that is
    /// empty, one is made and printed.
    Add {
        /// 2 to 64 lower-case letters, digits, dots and dashes.
        name: String,
        #[arg(long)]
        role: RoleName,
        /// Limits the account to one unit's questions.
        #[arg(long)]
        unit: Option<String>,
        /// Has it take a code as well, and prints the address for the authenticator app.
        #[arg(long)]
        totp: bool,
        #[command(flatten)]
        server: client::Args,
    },
    /// Ends an account and its sessions.
    Disable {
        name: String,
        #[command(flatten)]
        server: client::Args,
    },
    /// Gives an account a new password, as `add` does; unlocks and enables it, and ends its sessions.
    Reset {
        name: String,
        #[command(flatten)]
        server: client::Args,
    },
    /// Has an account take a code of a new secret as well, and prints the address for the authenticator app.
    Totp {
        name: String,
        #[command(flatten)]
        server: client::Args,
    },
    /// Prints the accounts, one JSON object a line.
    List {
        #[command(flatten)]
        server: client::Args,
    },
}

pub async fn run(settings: &Settings, account: Account) -> anyhow::Result<()> {
    let (Account::Add { server, .. }
    | Account::Disable { server, .. }
    | Account::Reset { server, .. }
    | Account::Totp { server, .. }
    | Account::List { server }) = &account;
    let client = server.connect(settings)?;
    let mut accounts = AccountServiceClient::new(client.channel());
    let refused = |status: tonic::Status| anyhow!("{}", status.message());
    match account {
        Account::Add { name, role, unit, totp, .. } => {
            let (role, unit) = (role.to_string(), unit.unwrap_or_default());
            let request = CreateAccountRequest { name, password: password()?, role, unit, totp };
            let once = accounts.create_account(client.signed(request)).await.map_err(refused)?.into_inner();
            tell(&once.password, &once.otpauth_uri)
        }
        Account::Disable { name, .. } => {
            accounts.disable_account(client.signed(DisableAccountRequest { name })).await.map_err(refused)?;
            Ok(())
        }
        Account::Reset { name, .. } => {
            let request = client.signed(ResetPasswordRequest { name, password: password()? });
            tell(&accounts.reset_password(request).await.map_err(refused)?.into_inner().password, "")
        }
        Account::Totp { name, .. } => {
            let request = client.signed(EnrolTotpRequest { name });
            tell("", &accounts.enrol_totp(request).await.map_err(refused)?.into_inner().otpauth_uri)
        }
        Account::List { .. } => {
            let mut page_token = String::new();
            loop {
                let request = client.signed(ListAccountsRequest { limit: 0, page_token });
                let page = accounts.list_accounts(request).await.map_err(refused)?.into_inner();
                for account in page.accounts {
                    say(&serde_json::to_string(&account)?)?;
                }
                if page.next_page_token.is_empty() {
                    return Ok(());
                }
                page_token = page.next_page_token;
            }
        }
    }
}

/// The first line of standard input; empty: one is to be made. Never an argument: others see those.
fn password() -> anyhow::Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Ok(String::new());
    }
    let mut text = String::new();
    input.lock().take(PASSWORD_MAX).read_to_string(&mut text).context("the password")?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// What is shown this once.
fn tell(password: &str, otpauth_uri: &str) -> anyhow::Result<()> {
    for (what, text) in [("password", password), ("authenticator app", otpauth_uri)] {
        if !text.is_empty() {
            say(&format!("{what}: {text}"))?;
        }
    }
    Ok(())
}
