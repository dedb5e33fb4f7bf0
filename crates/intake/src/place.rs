//! Where a report is. Pure.
//!
//! The point is public matter (a hole in a road), so it travels with the report; it is rounded to four
//! decimals, about 11 metres, at the door. Words that say how to find it may speak of a home: they stay
//! sealed.

use std::f64::consts::PI;

use api::intake::v1 as proto;
use runtime::Refusal;
use serde::{Deserialize, Serialize};

/// Steps of a degree that are kept.
const STEPS: f64 = 10_000.0;
/// The mean radius of the earth, in metres.
const RADIUS: f64 = 6_371_008.8;
const METRES_A_DEGREE: f64 = RADIUS * PI / 180.0;

/// A point to four decimals (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub latitude: f64,
    pub longitude: f64,
}

/// Where reports can be from, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    pub south: f64,
    pub west: f64,
    pub north: f64,
    pub east: f64,
}

impl Bounds {
    /// Of the earth, with its corners in order, and not across the date line.
    pub fn are_right(&self) -> bool {
        let ordered = self.south < self.north && self.west < self.east;
        ordered && self.south >= -90.0 && self.north <= 90.0 && self.west >= -180.0 && self.east <= 180.0
    }

    fn hold(&self, latitude: f64, longitude: f64) -> bool {
        // No NaN is in a range.
        (self.south..=self.north).contains(&latitude) && (self.west..=self.east).contains(&longitude)
    }
}

impl Place {
    /// What was said, rounded; refused outside of `bounds`.
    pub fn parse(said: &proto::Place, bounds: &Bounds) -> Result<Self, Refusal> {
        if !bounds.hold(said.latitude, said.longitude) {
            let Bounds { south, west, north, east } = bounds;
            let message = format!(
                "place is not within latitude {south} to {north} and longitude {west} to {east}, in degrees"
            );
            return Err(Refusal::invalid("place", "PLACE_OUTSIDE", message));
        }
        Ok(Self { latitude: rounded(said.latitude), longitude: rounded(said.longitude) })
    }

    /// Great-circle distance in metres (haversine, on a sphere: at most 0.6 % off).
    pub fn metres_to(&self, other: &Self) -> f64 {
        let radians = |from: f64, to: f64| (to - from).to_radians();
        let across = half_chord(radians(self.latitude, other.latitude));
        let along = half_chord(radians(self.longitude, other.longitude));
        let cosines = self.latitude.to_radians().cos() * other.latitude.to_radians().cos();
        // Rounding may lift the sum above 1 for points that face each other.
        2.0 * RADIUS * (across + cosines * along).min(1.0).sqrt().asin()
    }

    /// A box that holds every point within `metres`, and some more.
    pub fn around(&self, metres: f64) -> Bounds {
        let latitude = metres / METRES_A_DEGREE;
        // A degree of longitude is shortest at the side that is nearer to a pole.
        let cosine = (self.latitude.abs() + latitude).min(89.9).to_radians().cos();
        let longitude = latitude / cosine;
        Bounds {
            south: self.latitude - latitude,
            west: self.longitude - longitude,
            north: self.latitude + latitude,
            east: self.longitude + longitude,
        }
    }

    pub fn to_proto(self) -> proto::Place {
        proto::Place { latitude: self.latitude, longitude: self.longitude }
    }
}

fn half_chord(angle: f64) -> f64 {
    (angle / 2.0).sin().powi(2)
}

fn rounded(degrees: f64) -> f64 {
    (degrees * STEPS).round() / STEPS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { south: 6.0, west: 102.0, north: 23.5, east: 118.0 };

    fn at(latitude: f64, longitude: f64) -> Place {
        Place { latitude, longitude }
    }

    fn said(latitude: f64, longitude: f64) -> Result<Place, Refusal> {
        Place::parse(&proto::Place { latitude, longitude }, &BOUNDS)
    }

    #[test]
    fn distances_are_those_of_known_pairs() {
        // A minute of latitude is a nautical mile; Hà Nội to Thành phố Hồ Chí Minh is about 1,144 km.
        let mile = at(21.0, 105.0).metres_to(&at(21.0 + 1.0 / 60.0, 105.0));
        assert!((mile - 1852.0).abs() < 4.0, "{mile}");
        let cities = at(21.0278, 105.8342).metres_to(&at(10.7769, 106.7009));
        assert!((cities - 1_143_500.0).abs() < 6_000.0, "{cities}");
        let around = at(0.0, 0.0).metres_to(&at(0.0, 180.0));
        assert!((around - RADIUS * PI).abs() < 1.0, "{around}");
        assert!(at(21.0, 105.0).metres_to(&at(21.0, 105.0)).abs() < 1e-9);
    }

    #[test]
    fn only_rounded_points_within_the_bounds_are_places() {
        assert_eq!(said(21.028_549, 105.854_21).unwrap(), at(21.0285, 105.8542));
        for (latitude, longitude) in
            [(5.9, 105.0), (21.0, 101.9), (23.6, 105.0), (f64::NAN, 105.0), (21.0, f64::INFINITY)]
        {
            assert_eq!(said(latitude, longitude).unwrap_err().reason(), "PLACE_OUTSIDE");
        }
        assert!(BOUNDS.are_right() && !Bounds { south: 24.0, ..BOUNDS }.are_right());
        assert!(!Bounds { east: f64::NAN, ..BOUNDS }.are_right());
    }

    proptest! {
        #[test]
        fn rounding_moves_a_place_by_less_than_eight_metres(
            latitude in 6.0..23.5f64, longitude in 102.0..118.0f64,
        ) {
            let place = said(latitude, longitude).unwrap();
            prop_assert!(place.metres_to(&at(latitude, longitude)) < 8.0);
            // What was rounded stays as it is.
            prop_assert_eq!(said(place.latitude, place.longitude).unwrap(), place);
        }

        #[test]
        fn distance_is_symmetric_and_keeps_the_triangle(
            a in (-60.0..60.0f64, -170.0..170.0f64),
            b in (-60.0..60.0f64, -170.0..170.0f64),
            c in (-60.0..60.0f64, -170.0..170.0f64),
        ) {
            let [a, b, c] = [a, b, c].map(|(latitude, longitude)| at(latitude, longitude));
            prop_assert!((a.metres_to(&b) - b.metres_to(&a)).abs() < 1e-3);
            prop_assert!(a.metres_to(&c) <= a.metres_to(&b) + b.metres_to(&c) + 1e-3);
        }

        /// The box is what the index is asked for: it must lose nobody who is near.
        #[test]
        fn whoever_is_near_is_in_the_box(
            latitude in 6.0..23.5f64, longitude in 102.0..118.0f64,
            north in -0.02..0.02f64, east in -0.02..0.02f64, metres in 1.0..2_000.0f64,
        ) {
            let (here, there) = (at(latitude, longitude), at(latitude + north, longitude + east));
            let near = here.metres_to(&there) <= metres;
            let boxed = here.around(metres).hold(there.latitude, there.longitude);
            prop_assert!(boxed || !near);
        }
    }
}
