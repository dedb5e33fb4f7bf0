//! How officers sign in: by the agency's own provider, by a local account; how their sessions end; and whom a
//! merger makes of them.

use std::{collections::BTreeMap, path::Path, process::Stdio};

use e2e::{
    binary,
    browser::Browser,
    platform::{Platform, data_dir},
    provider::Provider,
    rest::question,
    root, until,
};
use reqwest::{Client, Response, redirect::Policy};
use serde_json::{Value, json};
use tokio::process::Command;
use totp_rs::Totp;

const START: &str = "/dang-nhap/co-quan";
const UNIT: &str = "vu-phap-che";

/// The claims of the provider's accounts.
fn people() -> Value {
    json!({
        "an": {"name": "Nguyễn Văn An", "groups": ["nhan-vien", "mot-cua-can-bo"], "dept": "PB01"},
        "binh": {"name": "Trần Thị Bình", "groups": ["nhan-vien"], "dept": "PB01"},
        "cuc": {"name": "Lê Thị Cúc", "groups": ["mot-cua-can-bo"]},
        "dung": {"name": "Phạm Văn Dũng", "groups": ["mot-cua-can-bo"], "dept": "khong-co"},
    })
}

/// A platform whose officers sign in at the provider.
async fn platform_of(dir: &Path, provider: &mut Provider) -> Platform {
    let file = dir.join("sign-in.toml");
    let issuer = &provider.issuer;
    let text = format!(
        r#"[gateway.oidc]
issuer = "{issuer}"
client_id = "motcua"
client_secret = "the-secret-of-the-tests-and-of-nothing-else"
unit_claim = "dept"
roles = [{{ value = "mot-cua-can-bo", role = "officer" }}]
units = [{{ value = "PB01", unit = "{UNIT}" }}]
"#
    );
    std::fs::write(&file, text).unwrap();
    let platform = Platform::up(dir, &["--config", file.to_str().unwrap()], &[]).await;
    provider.serve(&platform.endpoints.http, &people()).await;
    platform
}

/// Asks about a field whose unit is known; returns the question's ticket.
async fn ask_about(platform: &Platform, field: &str, text: &str) -> String {
    let mut body = question(text);
    body["field"] = json!(field);
    let asked = platform.rest().post("/api/v1/questions", &body).await.ok();
    let ticket_id = asked["ticketId"].as_str().unwrap().to_owned();
    platform.rest_as("officer", None).await.drafted(&ticket_id).await;
    ticket_id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_signs_in_at_the_agencys_provider_and_out_of_both() {
    let dir = data_dir();
    let mut provider = Provider::start().await;
    let platform = platform_of(dir.path(), &mut provider).await;
    let own = ask_about(&platform, "chinh-sach-phap-luat", "Luật nào nói về chữ ký số cá nhân?").await;
    let others = ask_about(&platform, "chuong-trinh-ke-hoach", "Kế hoạch năm tới có gì mới?").await;
    let browser = Browser::start(&platform.endpoints.http).await;

    browser.go(&format!("/can-bo/phieu/{own}")).await;
    assert_eq!(browser.text("#by-provider a").await, "Đăng nhập bằng tài khoản cơ quan");
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click("#by-provider a").await;
    browser.fill("input[name=login]", "an").await;
    browser.fill("input[name=password]", "any").await;
    browser.click("button[type=submit]").await;
    until("the consent", || async { (!browser.is_there("input[name=login]").await).then_some(()) }).await;
    browser.click("button[type=submit]").await;
    // Back where one was, as who one is, for one's unit only.
    browser.shows(".who", "Nguyễn Văn An").await;
    assert_eq!(browser.path().await, format!("/can-bo/phieu/{own}"));
    browser.go("/can-bo").await;
    assert!(browser.is_there(&format!("#inbox a[href*='{own}']")).await);
    assert!(!browser.is_there(&format!("#inbox a[href*='{others}']")).await);
    let cookie = browser.cookie("motcua_session").await.expect("a session");

    browser.click(".who button").await;
    browser.click("button[value=yes]").await;
    browser.text("#by-provider a").await;
    let reply = platform.rest().with_token(&cookie).page("/can-bo", None).await;
    assert!(reply.text.contains("by-account"), "the session is over, not only its cookie");
    assert!(!platform.log().contains("Nguyễn Văn An"), "names are not logged");
    browser.stop().await;
    provider.stop().await;
    platform.stop().await;
}

/// A browser without a browser: it keeps cookies and follows nothing by itself.
struct Walker {
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl Walker {
    fn new() -> Self {
        // The process's TLS provider has to be there before a client is made.
        e2e::rest::client();
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { client, cookies: BTreeMap::new() }
    }

    async fn send(&mut self, url: &str, form: Option<&[(&str, &str)]>) -> Response {
        let jar: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match form {
            Some(form) => self.client.post(url).form(form),
            None => self.client.get(url),
        };
        let response = request.header("cookie", jar.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        response
    }

    /// Through the provider as somebody, to the redirect back to the site, which is not followed.
    async fn authorised(&mut self, platform: &Platform, issuer: &str, login: &str) -> String {
        let site = &platform.endpoints.http;
        let mut response = self.send(&format!("{site}{START}"), None).await;
        for _ in 0..20 {
            let url = response.url().to_string();
            let Some(to) = response.headers().get("location") else {
                let page = response.text().await.unwrap();
                let form = if page.contains("name=\"login\"") {
                    vec![("prompt", "login"), ("login", login), ("password", "any")]
                } else {
                    vec![("prompt", "consent")]
                };
                response = self.send(&url, Some(&form)).await;
                continue;
            };
            let to = to.to_str().unwrap();
            if to.starts_with(site) {
                return to.to_owned();
            }
            let to = if to.starts_with('/') { format!("{issuer}{to}") } else { to.to_owned() };
            response = self.send(&to, None).await;
        }
        panic!("the provider leads in circles")
    }
}

async fn shown(response: Response) -> (u16, String) {
    (response.status().as_u16(), response.text().await.unwrap())
}

fn refused((status, page): &(u16, String), with: u16, reason: &str) {
    assert!(*status == with && page.contains(reason), "{reason}: {status} {page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_at_the_provider_opens_nothing() {
    let dir = data_dir();
    let mut provider = Provider::start().await;
    let platform = platform_of(dir.path(), &mut provider).await;
    let issuer = provider.issuer.clone();
    let mut walker = Walker::new();

    let back = walker.authorised(&platform, &issuer, "an").await;
    let other_state = back.replace("state=", "state=x");
    refused(&shown(Walker::new().send(&back, None).await).await, 400, "SIGN_IN_STALE");
    let pending = walker.cookies.clone();
    refused(&shown(walker.send(&other_state, None).await).await, 400, "SIGN_IN_STALE");
    assert!(!walker.cookies.contains_key("motcua_sign_in"), "whatever comes of it counts once");
    refused(&shown(walker.send(&back, None).await).await, 400, "SIGN_IN_STALE");

    walker.cookies = pending.clone();
    let other_issuer = back.replace("iss=", "iss=x");
    refused(&shown(walker.send(&other_issuer, None).await).await, 400, "SIGN_IN_STALE");
    walker.cookies = pending.clone();
    let (status, page) = shown(walker.send(&back, None).await).await;
    assert!(status == 200 && page.contains("content=\"0;url=/can-bo\""), "{page}");
    assert!(walker.cookies.contains_key("motcua_session"));
    walker.cookies = pending;
    refused(&shown(walker.send(&back, None).await).await, 403, "PROVIDER_REFUSED");
    assert!(!walker.cookies.contains_key("motcua_session"), "a code is used once");

    for (login, reason) in
        [("binh", "ROLE_NOT_MAPPED"), ("cuc", "UNIT_NOT_MAPPED"), ("dung", "UNIT_NOT_IN_FORCE")]
    {
        let mut walker = Walker::new();
        let back = walker.authorised(&platform, &issuer, login).await;
        refused(&shown(walker.send(&back, None).await).await, 403, reason);
        assert!(!walker.cookies.contains_key("motcua_session"), "{login}");
    }

    let mut walker = Walker::new();
    let back = walker.authorised(&platform, &issuer, "an").await;
    provider.stop().await;
    refused(&shown(walker.send(&back, None).await).await, 503, "PROVIDER_AWAY");
    platform.stop().await;
}

/// `motcua account …`, its standard input empty; what it prints.
async fn account(dir: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(binary());
    command.arg("account").args(arguments).arg("--data").arg(dir).stdin(Stdio::null());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn printed(said: &str, what: &str) -> String {
    let line = said.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {what} in {said}")).to_owned()
}

async fn fill_in(browser: &Browser, name: &str, password: &str, code: &str) {
    browser.go("/dang-nhap?ve=%2Fbao-cao").await;
    for (field, text) in [("#name", name), ("#password", password), ("#code", code)] {
        if !text.is_empty() {
            browser.fill(field, text).await;
        }
    }
    browser.click("#by-account button").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_takes_a_password_and_a_code_once_and_ends_with_its_sessions() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let said =
        account(dir.path(), &["add", "an.nguyen", "--role", "officer", "--unit", UNIT, "--totp"]).await;
    let password = printed(&said, "password");
    let totp = Totp::from_url(printed(&said, "authenticator app")).unwrap();
    let browser = Browser::start(&platform.endpoints.http).await;

    fill_in(&browser, "an.nguyen", &password, "").await;
    browser.shows(".alert", "không đúng").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.without_javascript().await;
    let code = totp.generate_current().to_string();
    fill_in(&browser, "an.nguyen", &password, &code).await;
    browser.shows(".who", "an.nguyen").await;
    assert_eq!(browser.path().await, "/bao-cao");
    let cookie = browser.cookie("motcua_session").await.expect("a session");

    let form =
        |name: &str, password: &str, code: &str| Some(format!("name={name}&password={password}&code={code}"));
    let rest = platform.rest();
    let again = rest.page("/dang-nhap", form("an.nguyen", &password, &code)).await;
    let unknown = rest.page("/dang-nhap", form("khong.co", &password, &code)).await;
    for reply in [&again, &unknown] {
        assert_eq!(reply.status.as_u16(), 401, "{}", reply.text);
    }
    let but_the_name = |text: &str| text.replace("an.nguyen", "").replace("khong.co", "");
    assert_eq!(but_the_name(&again.text), but_the_name(&unknown.text), "nobody learns who has an account");

    // A wall that the account opens ends with it, too.
    browser.go("/tong-quan").await;
    browser.click("#screen button").await;
    browser.text(".wall-close").await;

    let of_session = platform.rest().with_token(&cookie);
    assert!(of_session.page("/can-bo", None).await.text.contains("an.nguyen"));
    account(dir.path(), &["disable", "an.nguyen"]).await;
    until("the session to end", || async {
        of_session.page("/can-bo", None).await.text.contains("by-account").then_some(())
    })
    .await;
    until("the wall to end", || async {
        browser.go("/tong-quan/tuong").await;
        browser.path().await.starts_with("/dang-nhap").then_some(())
    })
    .await;
    let said = account(dir.path(), &["reset", "an.nguyen"]).await;
    assert_ne!(printed(&said, "password"), password);
    let listed: Value = serde_json::from_str(account(dir.path(), &["list"]).await.trim()).unwrap();
    assert_eq!(
        (&listed["disabled"], &listed["unit"], &listed["totp"]),
        (&json!(false), &json!(UNIT), &json!(true))
    );
    let officer = platform.rest_as("officer", None).await;
    officer.get("/api/v1/accounts").await.refused(403, "ROLE_NOT_ALLOWED");
    let operator = platform.rest_as("operator", None).await;
    let short = json!({"name": "b.tran", "role": "officer", "password": "ngắn"});
    operator.post("/api/v1/accounts", &short).await.refused(400, "PASSWORD_LENGTH");
    let taken = json!({"name": "an.nguyen", "role": "officer"});
    operator.post("/api/v1/accounts", &taken).await.refused(409, "ACCOUNT_EXISTS");
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merger_takes_tokens_and_accounts_along() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let said = account(dir.path(), &["add", "ke.hoach", "--role", "officer", "--unit", "vu-ke-hoach"]).await;
    let password = printed(&said, "password");
    let officer = platform.rest_of("an", "vu-ke-hoach").await;
    let asked = ask_about(&platform, "chuong-trinh-ke-hoach", "Kế hoạch năm tới có gì mới?").await;
    officer.drafted(&asked).await;

    let sample = std::fs::read_to_string(root().join("deploy/sample/organisation.toml")).unwrap();
    let unit = "[[unit]]\ncode = \"vu-ke-hoach\"\nagency = \"btttt\"\nname = \"Vụ Kế hoạch - Tài chính\"\n";
    assert!(sample.contains(unit));
    let merged = sample.replace(unit, "").replace("unit = \"vu-ke-hoach\"", &format!("unit = \"{UNIT}\""));
    let file = dir.path().join("merged.toml");
    let former = format!("{merged}\n[[former]]\nunit = \"vu-ke-hoach\"\ninto = [\"{UNIT}\"]\n");
    std::fs::write(&file, former).unwrap();
    let mut apply = Command::new(binary());
    apply.args(["apply", "--data"]).arg(dir.path()).arg("-f").arg(file);
    let output = apply.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");

    until("the question to follow its unit, and the old token with it", || async {
        let reply = officer.get(&format!("/api/v1/tickets/{asked}")).await;
        (reply.status.is_success() && reply.json()["unit"] == UNIT).then_some(())
    })
    .await;
    let mut walker = Walker::new();
    let form = [("name", "ke.hoach"), ("password", password.as_str())];
    let site = &platform.endpoints.http;
    let response = walker.send(&format!("{site}/dang-nhap"), Some(&form)).await;
    assert_eq!(response.status().as_u16(), 303);
    let (status, page) = shown(walker.send(&format!("{site}/can-bo/phieu/{asked}"), None).await).await;
    assert!(status == 200 && page.contains("Kế hoạch năm tới"), "{page}");
    platform.stop().await;
}
