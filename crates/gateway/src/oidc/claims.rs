//! What the claims of a provider mean here. Pure.

use std::fmt::Write as _;

use axum::http::StatusCode;
use runtime::Principal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{config::Oidc, problem::Problem};

/// Bytes of the digest that names a person: as many as a UUID has.
const SUBJECT_BYTES: usize = 16;

/// Who signed in.
#[derive(Debug, PartialEq)]
pub(crate) struct Identity {
    pub principal: Principal,
    /// For the pages that the person sees.
    pub name: String,
}

/// Whether claims that cannot be added to are enough.
pub(super) fn suffices(wanted: &[String], claims: &Value) -> bool {
    wanted.iter().all(|claim| claim.is_empty() || !texts(claims, claim).is_empty())
}

/// Both, where they are of one person; what was signed goes before what was not.
pub(super) fn joined(signed: Value, more: Value) -> Option<Value> {
    let (Value::Object(signed), Value::Object(mut all)) = (signed, more) else { return None };
    let same = signed.get("sub").is_some() && signed.get("sub") == all.get("sub");
    all.extend(signed);
    same.then_some(Value::Object(all))
}

/// Role and unit by the configured mapping, and a name for the trace that tells nobody who it is.
pub(crate) fn identity(config: &Oidc, claims: &Value) -> Result<Identity, Problem> {
    let denied = |reason| Problem::new(StatusCode::FORBIDDEN, reason);
    let values = texts(claims, &config.role_claim);
    let role = config.roles.iter().find(|role| values.contains(&role.value.as_str()));
    let role = role.ok_or_else(|| denied("ROLE_NOT_MAPPED"))?;
    let unit = match texts(claims, &config.unit_claim)[..] {
        [] if role.all_units => None,
        [unit] => {
            Some(config.units.iter().find(|of| of.value == unit).map_or(unit, |of| &of.unit).to_owned())
        }
        _ => return Err(denied("UNIT_NOT_MAPPED")),
    };
    let sub = claims["sub"].as_str().filter(|sub| !sub.is_empty());
    let subject = subject(&config.issuer, sub.ok_or_else(|| denied("PROVIDER_REFUSED"))?);
    let name = called(claims).unwrap_or(&subject).to_owned();
    Ok(Identity { principal: Principal { subject, role: role.role, unit }, name })
}

fn called(claims: &Value) -> Option<&str> {
    let called = ["name", "preferred_username"].iter().find_map(|claim| claims[*claim].as_str());
    called.map(str::trim).filter(|name| !name.is_empty())
}

/// An asker who showed who they are. It is personal data: it stays in the asker's browser, sealed, and in intake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asker {
    pub issuer: String,
    pub subject: String,
    /// Empty: the provider gave none.
    pub name: String,
}

pub(crate) fn asker(issuer: &str, claims: &Value) -> Result<Asker, Problem> {
    let sub = claims["sub"].as_str().filter(|sub| !sub.is_empty());
    let sub = sub.ok_or_else(|| Problem::new(StatusCode::FORBIDDEN, "PROVIDER_REFUSED"))?;
    let name = called(claims).unwrap_or_default();
    Ok(Asker { issuer: issuer.to_owned(), subject: sub.to_owned(), name: name.to_owned() })
}

/// The same for the same person always; nobody finds the person by it who does not have the provider's list.
fn subject(issuer: &str, sub: &str) -> String {
    let digest = Sha256::digest(format!("{issuer}\n{sub}"));
    digest.iter().take(SUBJECT_BYTES).fold("oidc:".to_owned(), |mut subject, byte| {
        let _ = write!(subject, "{byte:02x}");
        subject
    })
}

/// A claim's texts: none, one, or a list's.
fn texts<'a>(claims: &'a Value, claim: &str) -> Vec<&'a str> {
    let found = if claim.starts_with('/') { claims.pointer(claim) } else { claims.get(claim) };
    match found {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use runtime::RoleName;
    use serde_json::json;

    use super::*;
    use crate::config::{RoleOf, UnitOf};

    fn config() -> Oidc {
        let role = |value: &str, role, all_units| RoleOf { value: value.into(), role, all_units };
        Oidc {
            issuer: "https://id.example".into(),
            unit_claim: "dept".into(),
            roles: vec![role("lead", RoleName::Operator, true), role("staff", RoleName::Officer, false)],
            units: vec![UnitOf { value: "PB01".into(), unit: "vu-phap-che".into() }],
            ..Oidc::default()
        }
    }

    fn mapped(claims: &Value) -> Result<(RoleName, Option<String>), String> {
        let found = identity(&config(), claims).map_err(|problem| problem.reason.into_owned())?;
        Ok((found.principal.role, found.principal.unit))
    }

    #[test]
    fn the_first_role_that_fits_and_a_unit_that_is_sure() {
        let of = |groups: Value, dept: Value| mapped(&json!({"sub": "s", "groups": groups, "dept": dept}));
        let officer = |unit: &str| Ok((RoleName::Officer, Some(unit.to_owned())));
        assert_eq!(of(json!(["x", "staff"]), json!("PB01")), officer("vu-phap-che"));
        assert_eq!(of(json!("staff"), json!(["vu-tccb"])), officer("vu-tccb"));
        assert_eq!(of(json!(["staff", "lead"]), Value::Null), Ok((RoleName::Operator, None)));
        assert_eq!(of(json!("lead"), json!("PB01")), Ok((RoleName::Operator, Some("vu-phap-che".into()))));
        assert_eq!(of(json!("staff"), Value::Null), Err("UNIT_NOT_MAPPED".into()));
        assert_eq!(of(json!("staff"), json!(["a", "b"])), Err("UNIT_NOT_MAPPED".into()));
        for none in [json!(["x"]), json!("Staff"), json!(7), Value::Null] {
            assert_eq!(of(none, json!("PB01")), Err("ROLE_NOT_MAPPED".into()));
        }
        assert_eq!(mapped(&json!({"groups": "lead"})), Err("PROVIDER_REFUSED".into()));
    }

    #[test]
    fn a_pointer_reaches_into_claims() {
        let config = Oidc { role_claim: "/realm_access/roles".into(), ..config() };
        let claims = json!({"sub": "s", "realm_access": {"roles": ["lead"]}, "name": "An"});
        let found = identity(&config, &claims).unwrap();
        assert_eq!((found.principal.role, found.name.as_str()), (RoleName::Operator, "An"));
    }

    #[test]
    fn the_subject_is_stable_and_tells_nothing() {
        let of = |sub: &str| {
            let claims = json!({"sub": sub, "groups": "lead", "email": "an@example"});
            identity(&config(), &claims).unwrap().principal.subject
        };
        assert_eq!(of("an@example"), of("an@example"));
        assert_ne!(of("an@example"), of("binh@example"));
        assert_eq!(of("an@example").len(), "oidc:".len() + 2 * SUBJECT_BYTES);
        assert!(!of("an@example").contains("an@"));
    }

    #[test]
    fn an_asker_is_who_the_provider_says() {
        let of =
            |claims: Value| asker("https://id.example", &claims).map(|asker| (asker.subject, asker.name));
        let named = json!({"sub": "079…", "name": " Nguyễn Văn Mẫu "});
        assert_eq!(of(named).unwrap(), ("079…".to_owned(), "Nguyễn Văn Mẫu".to_owned()));
        assert_eq!(of(json!({"sub": "s", "name": " "})).unwrap(), ("s".to_owned(), String::new()));
        assert!(of(json!({"name": "Nguyễn Văn Mẫu"})).is_err());
    }

    #[test]
    fn userinfo_adds_but_changes_nothing_and_is_of_the_same_person() {
        let signed = || json!({"sub": "s", "groups": "staff"});
        let all = joined(signed(), json!({"sub": "s", "groups": "lead", "dept": "PB01"})).unwrap();
        assert_eq!(all, json!({"sub": "s", "groups": "staff", "dept": "PB01"}));
        assert_eq!(joined(signed(), json!({"sub": "t"})), None);
        assert_eq!(joined(signed(), json!("s")), None);
        let wanted = [config().role_claim, config().unit_claim];
        assert!(suffices(&wanted, &all) && !suffices(&wanted, &signed()));
    }
}
