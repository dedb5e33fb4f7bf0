//! What an overview is of, and the addresses of what its figures count. Pure.

use api::analytics::v1::TicketsOf;
use serde::{Deserialize, Serialize};

use crate::{fields::Fields, pages::segment, problem::Problem};

pub(super) const HOME: &str = "/tong-quan";
/// In days, until today.
pub(in crate::pages) const PERIODS: [u32; 3] = [1, 7, 30];
const USUAL: u32 = 7;
/// Instead of a code: those that have no unit, or no field, yet.
const NONE_YET: &str = "-";

/// The period, and whose figures; empty: all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Chosen {
    pub days: u32,
    pub unit: String,
    pub field: String,
}

impl Chosen {
    pub fn of(query: &Fields) -> Result<Self, Problem> {
        let days = match query.number("ky")? {
            0 => USUAL,
            days if PERIODS.contains(&days) => days,
            _ => return Err(Problem::invalid("DAYS_OUT_OF_RANGE").field("ky", "ky is 1, 7 or 30")),
        };
        Ok(Self { days, unit: query.text("don-vi"), field: query.text("linh-vuc") })
    }

    /// As it stands in an address.
    pub fn query(&self) -> String {
        format!("ky={}&don-vi={}&linh-vuc={}", self.days, segment(&self.unit), segment(&self.field))
    }

    /// This page's figures of other days.
    pub fn with_days(&self, days: u32) -> String {
        format!("{HOME}?{}", Self { days, ..self.clone() }.query())
    }

    /// What a figure of all that is chosen counts.
    pub fn list(&self, of: TicketsOf) -> String {
        format!("{HOME}/danh-sach?gi={}&{}", code(of), self.query())
    }

    /// What a figure of one unit, or one field, or both, counts.
    pub fn list_of(&self, of: TicketsOf, unit: Option<&str>, field: Option<&str>) -> String {
        let own = |wanted: Option<&str>, chosen: &str| match wanted {
            None => chosen.to_owned(),
            Some("") => NONE_YET.to_owned(),
            Some(code) => code.to_owned(),
        };
        let (unit, field) = (own(unit, &self.unit), own(field, &self.field));
        Self { days: self.days, unit, field }.list(of)
    }
}

/// How an address says what is counted.
const CODES: [(TicketsOf, &str); 16] = [
    (TicketsOf::Asked, "den"),
    (TicketsOf::Waiting, "cho"),
    (TicketsOf::Overdue, "qua-han"),
    (TicketsOf::OnTime, "dung-han"),
    (TicketsOf::Late, "tre-han"),
    (TicketsOf::ExtendedOnTime, "gia-han-dung"),
    (TicketsOf::ExtendedLate, "gia-han-tre"),
    (TicketsOf::Decided, "da-ro"),
    (TicketsOf::Delayed, "cham"),
    (TicketsOf::Rated, "danh-gia"),
    (TicketsOf::Satisfied, "hai-long"),
    (TicketsOf::Unsatisfied, "chua-hai-long"),
    (TicketsOf::Reports, "hien-truong"),
    (TicketsOf::Open, "con-han"),
    (TicketsOf::ReportsWaiting, "hien-truong-cho"),
    (TicketsOf::ReportsOverdue, "hien-truong-qua-han"),
];

pub(super) fn code(of: TicketsOf) -> &'static str {
    CODES.iter().find(|(one, _)| *one == of).map_or("", |(_, code)| code)
}

pub(super) fn of_code(code: &str) -> Result<TicketsOf, Problem> {
    let found = CODES.iter().find(|(_, one)| *one == code).map(|(of, _)| *of);
    found.ok_or_else(|| Problem::invalid("TICKETS_OF_UNKNOWN"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(query: &str) -> Result<Chosen, Problem> {
        Chosen::of(&Fields::parse(query.as_bytes()).unwrap())
    }

    #[test]
    fn an_address_says_what_is_chosen_and_reads_back() {
        let a = chosen("ky=30&don-vi=vu-%C3%A0&linh-vuc=x%26y").unwrap();
        assert_eq!(a.query(), "ky=30&don-vi=vu-%C3%A0&linh-vuc=x%26y");
        assert_eq!(chosen(&a.query()).unwrap(), a);
        assert_eq!(chosen("").unwrap().days, 7);
        assert_eq!(chosen("ky=8").unwrap_err().reason, "DAYS_OUT_OF_RANGE");
        assert_eq!(
            a.list_of(TicketsOf::Overdue, Some("b"), None),
            "/tong-quan/danh-sach?gi=qua-han&ky=30&don-vi=b&linh-vuc=x%26y"
        );
        assert!(a.list_of(TicketsOf::Asked, Some(""), None).contains("don-vi=-&"));
    }

    #[test]
    fn every_list_has_a_code() {
        let all = (1..).map_while(|n| TicketsOf::try_from(n).ok());
        for of in all {
            assert_eq!(of_code(code(of)).unwrap(), of);
        }
        assert!(of_code("").is_err());
    }
}
