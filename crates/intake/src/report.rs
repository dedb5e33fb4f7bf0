//! Which fields take reports, and what the public sees of one. Pure but for reading the file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::place::Bounds;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file of the fields that take reports; empty: none is public.
    pub fields: PathBuf,
    /// Where photos are kept: a folder, or `s3://bucket/prefix`; empty: none are taken.
    pub photos: String,
    /// Photos of one report.
    pub photos_max: usize,
    /// Bytes of one photo as it is sent.
    pub photo_bytes_max: usize,
    /// Pixels of one photo as it is sent.
    pub photo_pixels_max: u64,
    /// Photos that are decoded at the same time.
    pub decoders: usize,
    /// Photos that wait for their report; one more is refused.
    pub photos_waiting_max: u32,
    /// How long a photo waits for its report, in hours; then it is deleted.
    pub photo_waits_hours: u32,
    /// How near a report that waits is offered, in metres.
    pub near_metres: u32,
    /// Where reports can be from, in degrees.
    pub bounds: Bounds,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fields: PathBuf::new(),
            photos: String::new(),
            photos_max: 5,
            photo_bytes_max: 8 * 1024 * 1024,
            photo_pixels_max: 25_000_000,
            decoders: 1,
            photos_waiting_max: 1_000,
            photo_waits_hours: 24,
            near_metres: 100,
            bounds: Bounds { south: 6.0, west: 102.0, north: 23.5, east: 118.0 },
        }
    }
}

impl Config {
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(self.photos_max <= 20, "intake.reports.photos_max is more than 20");
        ensure!(self.photo_bytes_max <= 64 << 20, "intake.reports.photo_bytes_max is more than 64 MiB");
        ensure!((1..=64).contains(&self.decoders), "intake.reports.decoders is not from 1 to 64");
        ensure!((1..=5_000).contains(&self.near_metres), "intake.reports.near_metres is not from 1 to 5000");
        ensure!(self.photo_waits_hours >= 1, "intake.reports.photo_waits_hours is 0");
        ensure!(self.bounds.are_right(), "intake.reports.bounds: south < north and west < east, in degrees");
        Ok(())
    }
}

/// A field that takes reports.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// A code of the organisation registry.
    pub code: String,
    pub description: String,
    #[serde(default)]
    pub description_en: String,
    #[serde(default)]
    pub keywords: Vec<String>,
    #[serde(default)]
    pub group: String,
    /// Whether the public sees a report's text before an officer has said so.
    pub at_once: bool,
    /// Whether officers may make photos public.
    pub photos: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    #[serde(rename = "field")]
    all: Vec<Field>,
}

impl Fields {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str().is_empty() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let fields: Self = toml::from_str(text)?;
        let mut codes = fields.codes(|_| true);
        codes.sort_unstable();
        let twice = codes.windows(2).find(|pair| pair[0] == pair[1]);
        ensure!(twice.is_none(), "two fields have the code {:?}", twice.unwrap_or_default());
        let comma = fields.all.iter().find(|field| field.keywords.iter().any(|word| word.contains(',')));
        ensure!(comma.is_none(), "a keyword has a comma: {:?}", comma.map(|field| &field.code));
        Ok(fields)
    }

    pub fn all(&self) -> &[Field] {
        &self.all
    }

    pub fn get(&self, code: &str) -> Option<&Field> {
        self.all.iter().find(|field| field.code == code)
    }

    pub fn codes(&self, which: impl Fn(&Field) -> bool) -> Vec<String> {
        self.all.iter().filter(|field| which(field)).map(|field| field.code.clone()).collect()
    }
}

/// What the public sees of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publicity {
    Hidden,
    Text,
    Photos,
}

impl Publicity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Text => "text",
            Self::Photos => "photos",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Hidden, Self::Text, Self::Photos].into_iter().find(|one| one.as_str() == text)
    }

    /// What holds for a report of `field`: what an officer set, within what the field's policy allows.
    pub fn of(set: Option<Self>, field: Option<&Field>) -> Self {
        let Some(field) = field else { return Self::Hidden };
        match set {
            None if field.at_once => Self::Text,
            None => Self::Hidden,
            Some(Self::Photos) if !field.photos => Self::Text,
            Some(set) => set,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(at_once: bool, photos: bool) -> Field {
        Field {
            code: "a".into(),
            description: String::new(),
            description_en: String::new(),
            keywords: Vec::new(),
            group: String::new(),
            at_once,
            photos,
        }
    }

    #[test]
    fn photos_need_the_policy_and_an_officer() {
        use Publicity::{Hidden, Photos, Text};
        let (open, shy) = (field(true, true), field(false, false));
        assert_eq!(Publicity::of(None, Some(&open)), Text);
        assert_eq!(Publicity::of(Some(Photos), Some(&open)), Photos);
        assert_eq!(Publicity::of(Some(Hidden), Some(&open)), Hidden);
        assert_eq!(Publicity::of(None, Some(&shy)), Hidden);
        assert_eq!(Publicity::of(Some(Photos), Some(&shy)), Text);
        assert_eq!(Publicity::of(Some(Photos), None), Hidden, "a field that takes no reports");
        for one in [Hidden, Text, Photos] {
            assert_eq!(Publicity::parse(one.as_str()), Some(one));
        }
    }

    #[test]
    fn the_sample_is_right_and_a_wrong_file_is_refused() {
        let sample = include_str!("../../../deploy/sample/reports.toml");
        assert!(Fields::parse(sample).unwrap().all().len() >= 2);
        assert!(Fields::parse(&format!("{sample}{sample}")).unwrap_err().to_string().contains("two fields"));
        assert!(Fields::parse("[[field]]\ncode = \"a\"").is_err());
        assert!(Fields::read(Path::new("")).unwrap().all().is_empty());
        Config::default().check().unwrap();
        assert!(Config { near_metres: 0, ..Config::default() }.check().is_err());
    }
}
