//! What pages and problems say, in Vietnamese and English: `locales/*.ftl`.

use std::{borrow::Cow, sync::LazyLock};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Uri, header},
    middleware::Next,
    response::Response,
};
use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use crate::{
    config::Config,
    session::{self, set_cookie},
    state::Gateway,
};

const COOKIE: &str = "motcua_lang";
const YEAR: u64 = 365 * 24 * 3600;

const VI: &str = include_str!("../locales/vi.ftl");
const EN: &str = include_str!("../locales/en.ftl");

type Bundle = FluentBundle<FluentResource>;

static VIETNAMESE: LazyLock<Bundle> = LazyLock::new(|| bundle("vi", VI));
static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle("en", EN));

fn bundle(tag: &str, text: &str) -> Bundle {
    let language: LanguageIdentifier = tag.parse().expect("a tag of two letters");
    let resource = FluentResource::try_new(text.to_owned()).expect("the locales are checked by a test");
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // Both languages run from left to right: invisible marks around values would only end up in copies.
    bundle.set_use_isolating(false);
    bundle.add_resource(resource).expect("no key is there twice");
    bundle
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    #[default]
    Vietnamese,
    English,
}

/// A sentence of the locales.
pub(crate) type Said = Cow<'static, str>;

impl Language {
    /// For programs: English only where the caller accepts it before Vietnamese.
    pub fn accepted(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
        let mut tags = accepted.into_iter().flat_map(|v| v.split(',')).map(str::trim);
        tags.find_map(|tag| Self::tagged(tag.get(..2)?)).unwrap_or_default()
    }

    /// For pages: what the address asks for, else what it asked for before, else Vietnamese.
    pub fn of_page(uri: &Uri, headers: &HeaderMap, config: &Config) -> Self {
        Self::asked(uri).or_else(|| Self::remembered(headers, config)).unwrap_or_default()
    }

    fn asked(uri: &Uri) -> Option<Self> {
        let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(name, value)| (name == "lang").then(|| Self::tagged(value))?)
    }

    fn remembered(headers: &HeaderMap, config: &Config) -> Option<Self> {
        Self::tagged(session::cookie(headers, &session::name(COOKIE, config))?)
    }

    fn tagged(tag: &str) -> Option<Self> {
        match tag.to_ascii_lowercase().as_str() {
            "vi" => Some(Self::Vietnamese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// As `lang` has it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Vietnamese => Self::English,
            Self::English => Self::Vietnamese,
        }
    }

    pub fn say(self, key: &str) -> Said {
        self.format(key, None)
    }

    pub fn say_with(self, key: &str, values: &[(&'static str, FluentValue<'_>)]) -> Said {
        let values: FluentArgs<'_> = values.iter().cloned().collect();
        Cow::Owned(self.format(key, Some(&values)).into_owned())
    }

    fn format(self, key: &str, values: Option<&FluentArgs<'_>>) -> Said {
        let bundle: &'static Bundle = match self {
            Self::Vietnamese => &VIETNAMESE,
            Self::English => &ENGLISH,
        };
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            tracing::error!(key, "a page says what no locale knows");
            return Cow::Owned(key.to_owned());
        };
        match values {
            None => bundle.format_pattern(pattern, None, &mut Vec::new()),
            Some(values) => {
                Cow::Owned(bundle.format_pattern(pattern, Some(values), &mut Vec::new()).into_owned())
            }
        }
    }
}

/// Remembers the language that a page's address asks for. What sets a cookie is not for caches that others share.
pub(crate) async fn remember(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let remembered = Language::remembered(request.headers(), gateway.config());
    let asked = Language::asked(request.uri()).filter(|asked| remembered != Some(*asked));
    let mut response = next.run(request).await;
    let cookie = asked.and_then(|asked| set_cookie(COOKIE, asked.tag(), YEAR, "Lax", gateway.config()));
    if let Some(cookie) = cookie {
        let headers = response.headers_mut();
        headers.append(header::SET_COOKIE, cookie);
        let cached =
            headers.get_mut(header::CACHE_CONTROL).filter(|value| value.as_bytes().starts_with(b"public"));
        if let Some(cached) = cached {
            *cached = HeaderValue::from_static("private, no-cache");
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(text: &str) -> BTreeSet<&str> {
        text.lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter_map(|line| line.split_once(" = ").map(|(key, _)| key))
            .collect()
    }

    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(keys(VI), keys(EN));
        assert!(keys(VI).len() > 150);
        for key in keys(VI) {
            assert!(!Language::Vietnamese.say(key).is_empty() && !Language::English.say(key).is_empty());
        }
    }

    #[test]
    fn templates_say_only_what_the_locales_know() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let mut said = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for call in ["frame.t(\"", "frame.n(\""] {
                for (at, _) in text.match_indices(call) {
                    let key = text[at + call.len()..].split('"').next().unwrap();
                    assert!(keys(VI).contains(key), "{}: {key}", path.display());
                    said += 1;
                }
            }
        }
        assert!(said > 100, "{said}");
    }

    #[test]
    fn the_address_goes_before_the_cookie_and_vietnamese_is_first() {
        let of = |address: &str, cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            Language::of_page(&address.parse().unwrap(), &headers, &Config::default())
        };
        assert_eq!(of("/", ""), Language::Vietnamese);
        assert_eq!(of("/?lang=en", ""), Language::English);
        assert_eq!(of("/", "a=b; motcua_lang=en"), Language::English);
        assert_eq!(of("/?x=1&lang=vi", "motcua_lang=en"), Language::Vietnamese);
        assert_eq!(of("/?lang=xx", "motcua_lang=%"), Language::Vietnamese);
    }

    #[test]
    fn numbers_have_their_forms() {
        let say = |n: u32| Language::English.say_with("search-count", &[("n", n.into())]);
        assert_eq!(say(1), "One answer is near to your search");
        assert_eq!(say(2), "2 answers are near to your search");
    }
}
