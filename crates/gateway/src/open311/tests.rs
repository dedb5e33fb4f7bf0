use api::{
    Timestamp,
    intake::v1::{Place, TicketState},
};
use serde_json::Value;

use super::*;

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn report() -> PublicReport {
    PublicReport {
        ticket_id: "0197".into(),
        field: "ha-tang".into(),
        state: TicketState::Answered.into(),
        text: "Ổ gà <b>sâu</b> & nước \"đọng\"".into(),
        place: Some(Place { latitude: 21.0285, longitude: 105.8542 }),
        submitted_at: Some(Timestamp { seconds: 1, nanos: 0 }),
        updated_at: Some(Timestamp { seconds: 2, nanos: 0 }),
        due_at: None,
        unit_name: "Đơn vị".into(),
        answer: "Đã vá.".into(),
        photos: 1,
    }
}

/// The names of the elements of one request, in the specification's words.
const REQUEST: [&str; 17] = [
    "service_request_id",
    "status",
    "status_notes",
    "service_name",
    "service_code",
    "description",
    "agency_responsible",
    "service_notice",
    "requested_datetime",
    "updated_datetime",
    "expected_datetime",
    "address",
    "address_id",
    "zipcode",
    "lat",
    "long",
    "media_url",
];

#[tokio::test]
async fn a_request_has_the_elements_of_the_specification() {
    let of = || vec![document::Request::new(report(), &Organisation::default(), "https://hoi.vn")];
    let json = text(document::list(Format::Json, "service_requests", "request", &of()).unwrap()).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    let names: Vec<_> = json[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, REQUEST);
    assert_eq!(json[0]["status"], "closed");
    assert_eq!(json[0]["requested_datetime"], "1970-01-01T07:00:01+07:00");
    assert_eq!((json[0]["lat"].as_f64(), json[0]["long"].as_f64()), (Some(21.0285), Some(105.8542)));
    assert_eq!(json[0]["media_url"], "https://hoi.vn/phan-anh/0197/anh/1");
    assert_eq!(json[0]["address"], Value::Null);

    let xml = text(document::list(Format::Xml, "service_requests", "request", &of()).unwrap()).await;
    assert!(
        xml.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<service_requests><request>"),
        "{xml}"
    );
    assert!(xml.ends_with("</request></service_requests>"), "{xml}");
    for name in REQUEST {
        assert!(xml.contains(&format!("<{name}>")) || xml.contains(&format!("<{name}/>")), "{name}: {xml}");
    }
    assert!(xml.contains("Ổ gà &lt;b&gt;sâu&lt;/b&gt; &amp; nước"), "{xml}");
}

#[tokio::test]
async fn services_definitions_and_errors_are_those_of_the_specification() {
    let field = ReportField {
        field: "ha-tang".into(),
        description: "Hạ tầng".into(),
        description_en: "Infrastructure".into(),
        keywords: vec!["ổ gà".into(), "cáp".into()],
        group: "g".into(),
    };
    let service = [Service::new(field, Language::English, &Organisation::default())];
    let xml = text(document::list(Format::Xml, "services", "service", &service).unwrap()).await;
    assert!(
        xml.ends_with(
            "<services><service><service_code>ha-tang</service_code><service_name>ha-tang</service_name>\
             <description>Infrastructure</description><metadata>false</metadata><type>realtime</type>\
             <keywords>ổ gà,cáp</keywords><group>g</group></service></services>"
        ),
        "{xml}"
    );
    let xml = text(document::definition(Format::Xml, "a").unwrap()).await;
    assert!(
        xml.ends_with("<service_definition><service_code>a</service_code><attributes/></service_definition>"),
        "{xml}"
    );
    let json = text(document::definition(Format::Json, "a").unwrap()).await;
    assert_eq!(json, r#"{"service_code":"a","attributes":[]}"#);
    let xml = text(document::errors(Format::Xml, StatusCode::FORBIDDEN, "a < b")).await;
    assert!(
        xml.ends_with("<errors><error><code>403</code><description>a &lt; b</description></error></errors>"),
        "{xml}"
    );
    let json = text(document::errors(Format::Json, StatusCode::NOT_FOUND, "no")).await;
    assert_eq!(json, r#"[{"code":404,"description":"no"}]"#);
    let none = text(document::list::<Service>(Format::Xml, "services", "service", &[]).unwrap()).await;
    assert!(none.ends_with("<services></services>"), "{none}");
}

#[test]
fn a_key_is_asked_for_only_where_keys_are_configured() {
    let keys = [Secret::new("một"), Secret::new("hai")];
    assert!(check_key(&[], "").is_ok() && check_key(&keys, "hai").is_ok());
    for wrong in ["", "ha", "hai ", "ba"] {
        assert_eq!(check_key(&keys, wrong).unwrap_err().reason, "API_KEY_INVALID");
    }
}
