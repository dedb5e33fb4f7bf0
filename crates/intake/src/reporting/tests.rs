use super::*;

fn near(latitude: f64) -> Near {
    Near {
        ticket_id: TicketId(Uuid::nil()),
        place: Place { latitude, longitude: 105.0 },
        text: latitude.to_string(),
        submitted_at: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn the_nearest_is_chosen_by_its_true_distance() {
    let here = Place { latitude: 21.0, longitude: 105.0 };
    let found = || vec![near(21.0009), near(21.0002), near(20.9995)];
    let (nearest, metres) = nearest_of(here, found(), 100).unwrap();
    assert_eq!((nearest.text.as_str(), metres), ("21.0002", 22));
    assert!(nearest_of(here, found(), 20).is_none());
}

#[test]
fn lists_are_bounded_in_time_and_length() {
    let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let wanted = |asked: Asked| asked.wanted(Policy { fields: Vec::new(), at_once: Vec::new() }, now);
    let usual = wanted(Asked::default()).unwrap();
    assert_eq!((usual.until, usual.until - usual.since), (now, TimeDelta::days(90)));
    assert!(usual.open && usual.closed && usual.limit == 50 && usual.offset == 0);
    let third = wanted(Asked { limit: 10, page: 3, open: true, ..Asked::default() }).unwrap();
    assert!(third.offset == 20 && third.open && !third.closed);
    let long = Some(now - TimeDelta::days(91));
    for (asked, reason) in [
        (Asked { since: long, until: Some(now), ..Asked::default() }, "DATES_NOT_VALID"),
        (Asked { since: Some(now), until: long, ..Asked::default() }, "DATES_NOT_VALID"),
        (Asked { limit: 101, ..Asked::default() }, "LIMIT_TOO_LARGE"),
        (Asked { page: 201, ..Asked::default() }, "LIMIT_TOO_LARGE"),
        (Asked { ticket_ids: vec![Uuid::nil(); 101], ..Asked::default() }, "LIMIT_TOO_LARGE"),
    ] {
        assert_eq!(wanted(asked).err().map(|refusal| refusal.reason()), Some(reason));
    }
}

#[test]
fn only_the_desk_of_the_unit_sees_a_report() {
    let filed = Filed {
        unit: "a".into(),
        field: String::new(),
        place: None,
        address: None,
        publicity: None,
        photos: 1,
    };
    let caller =
        |role, unit: Option<&str>| Principal { subject: "x".into(), role, unit: unit.map(str::to_owned) };
    assert!(sees(&caller(RoleName::Officer, Some("a")), &filed));
    assert!(sees(&caller(RoleName::Dispatcher, None), &filed));
    for (role, unit) in [
        (RoleName::Officer, Some("b")),
        (RoleName::Editor, Some("a")),
        (RoleName::Analyst, None),
        (RoleName::Operator, None),
    ] {
        assert!(!sees(&caller(role, unit), &filed), "{role}");
    }
}
