//! What a client of Open311 asks for. Pure.

use api::{
    Timestamp,
    intake::v1::{ListPublicReportsRequest, Place},
};
use chrono::{DateTime, Utc};

use crate::{fields::Fields, problem::Problem};

/// Where a new report is: this server knows no addresses, so both coordinates are needed.
pub(super) fn place(fields: &Fields) -> Result<Place, Problem> {
    let degrees = |name: &'static str| {
        let text = fields.text(name);
        let degrees = text.trim().parse::<f64>().ok().filter(|degrees| degrees.is_finite());
        degrees.ok_or_else(|| Problem::invalid("COORDINATES_NOT_VALID").field(name, "must be in degrees"))
    };
    Ok(Place { latitude: degrees("lat")?, longitude: degrees("long")? })
}

/// The filters of `GET requests`; what the specification does not know is left alone.
pub(super) fn requests(query: &Fields) -> Result<ListPublicReportsRequest, Problem> {
    let status = listed(&query.text("status"));
    if let Some(unknown) = status.iter().find(|status| !["open", "closed"].contains(&status.as_str())) {
        let detail = format!("'{}' is neither open nor closed", unknown.chars().take(20).collect::<String>());
        return Err(Problem::invalid("STATUS_UNKNOWN").field("status", detail));
    }
    Ok(ListPublicReportsRequest {
        ticket_ids: listed(&query.text("service_request_id")),
        fields: listed(&query.text("service_code")),
        since: moment(query, "start_date")?,
        until: moment(query, "end_date")?,
        open: status.iter().any(|status| status == "open"),
        closed: status.iter().any(|status| status == "closed"),
        limit: query.number("page_size")?,
        page: query.number("page")?,
    })
}

fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn moment(query: &Fields, name: &'static str) -> Result<Option<Timestamp>, Problem> {
    // A plus sign that was not encoded arrives as a space.
    let text = query.text(name).trim().replace(' ', "+");
    if text.is_empty() {
        return Ok(None);
    }
    let at = DateTime::parse_from_rfc3339(&text).map_err(|_| {
        Problem::invalid("DATE_NOT_VALID").field(name, "must be like 2026-11-24T00:00:00+07:00")
    })?;
    Ok(Some(api::timestamp(at.with_timezone(&Utc))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<ListPublicReportsRequest, Problem> {
        requests(&Fields::parse(query.as_bytes()).unwrap())
    }

    #[test]
    fn filters_are_read_as_the_specification_has_them() {
        let asked = of(
            "service_request_id=a,b&service_code=x&status=open,closed&page=2&page_size=10&extensions=true",
        );
        let asked = asked.unwrap();
        assert_eq!((asked.ticket_ids, asked.fields), (vec!["a".into(), "b".into()], vec!["x".into()]));
        assert!(asked.open && asked.closed && asked.page == 2 && asked.limit == 10);
        let all = of("").unwrap();
        assert!(all.ticket_ids.is_empty() && !all.open && !all.closed && all.since.is_none());
        // 07:00 in Hà Nội, with the plus sign encoded and not.
        for date in ["1970-01-01T07:00:01%2B07:00", "1970-01-01T07:00:01+07:00", "1970-01-01T00:00:01Z"] {
            let asked = of(&format!("start_date={date}")).unwrap();
            assert_eq!(asked.since.unwrap().seconds, 1, "{date}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (query, reason) in [
            ("status=done", "STATUS_UNKNOWN"),
            ("start_date=yesterday", "DATE_NOT_VALID"),
            ("end_date=2026-11-24", "DATE_NOT_VALID"),
            ("page=-1", "NOT_A_NUMBER"),
        ] {
            assert_eq!(of(query).unwrap_err().reason, reason, "{query}");
        }
        for form in ["lat=21.0", "long=105", "lat=x&long=105", "lat=NaN&long=105", "lat=inf&long=1"] {
            let fields = Fields::parse(form.as_bytes()).unwrap();
            assert_eq!(place(&fields).unwrap_err().reason, "COORDINATES_NOT_VALID", "{form}");
        }
    }
}
