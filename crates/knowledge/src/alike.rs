//! Which questions that wait are the same as one that has just come. Pure.

use api::{
    TicketId,
    knowledge::v1::{Band, Likeness},
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    calibration::Calibration,
    pair::Question,
    passage::Passage,
    rarity::Rarity,
    reuse::{self, Candidate, Read},
    text::Text,
    words::WordVectors,
};

/// Likes of each sort that are told, at most.
const LIKES_MAX: usize = 4;

/// How often the best of the rest is judged: what is published may be nearer than what waits.
const ROUNDS_MAX: usize = 8;

/// A question that waits, beside the one that has just come.
pub struct Waiting {
    pub ticket_id: TicketId,
    /// Of the routing that brought it to its unit.
    pub version: u32,
    /// Whose answer it is thought to await.
    pub awaits: Uuid,
    pub text: Text,
    pub words: WordVectors,
    /// Cosine similarity of the two, -1 to 1.
    pub cosine: f32,
    pub lexical: f32,
}

/// A published question in the company that a candidate is judged in.
pub struct Published {
    pub passage: Passage,
    pub text: Text,
    pub words: WordVectors,
    pub cosine: f32,
    pub lexical: f32,
}

/// The same for all texts that could be exact likes.
pub fn key(text: &Text) -> Vec<u8> {
    Sha256::digest(&text.folded).to_vec()
}

/// Those of `waiting` that have the same words, in their order.
pub fn exact(asked: &Text, waiting: &[Waiting]) -> Vec<Likeness> {
    let same = waiting.iter().filter(|other| is_exact(asked, &other.text));
    let like = |other: &Waiting| Likeness {
        ticket_id: other.ticket_id.to_string(),
        version: other.version,
        probability: 1.0,
        exact: true,
        reasons: vec!["Trùng với câu đang chờ".to_owned()],
        identical: asked.undiacritised || asked.normal == other.text.normal,
    };
    same.take(LIKES_MAX).map(like).collect()
}

/// Those of `waiting` that the pair verdict holds for the same question in other words, best first.
/// They are judged in the company of what is published, as the verdict was calibrated; one that is
/// published and the same question is passed over.
pub fn near(
    asked: &Question<'_>,
    waiting: &[Waiting],
    published: &[Published],
    rarity: &Rarity,
    calibration: &Calibration,
) -> Vec<Likeness> {
    let ids: Vec<String> = waiting.iter().map(|other| other.ticket_id.to_string()).collect();
    let others = waiting.iter().zip(&ids).filter(|(other, _)| !is_exact(asked.text, &other.text));
    // Each waiting question will have an answer of its own.
    let mut company: Vec<(Option<&Waiting>, Read<'_>, Candidate<'_>)> = others
        .map(|(other, id)| {
            let read = Read { question: &other.text, words: &other.words };
            (Some(other), read, Candidate { answer: id, cosine: other.cosine, lexical: other.lexical })
        })
        .collect();
    company.extend(published.iter().map(|other| {
        let read = Read { question: &other.text, words: &other.words };
        let answer = &other.passage.answer;
        (None, read, Candidate { answer, cosine: other.cosine, lexical: other.lexical })
    }));
    let mut likes = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let (read, candidates): (Vec<_>, Vec<_>) =
            company.iter().map(|(_, read, candidate)| (read.clone(), candidate.clone())).unzip();
        let (ranked, verdict) = reuse::judge(asked, &read, &candidates, rarity, calibration);
        let Some((best, probability)) = ranked.first().copied() else { break };
        if verdict.band != Band::Reuse || likes.len() == LIKES_MAX {
            break;
        }
        if let (Some(other), _, candidate) = company.remove(best) {
            likes.push(Likeness {
                ticket_id: other.ticket_id.to_string(),
                version: other.version,
                probability,
                exact: false,
                reasons: vec![format!("Giống câu đang chờ đến {:.0} %", candidate.cosine * 100.0)],
                identical: false,
            });
        }
    }
    likes
}

/// Equal as far as both can be compared.
fn is_exact(asked: &Text, other: &Text) -> bool {
    asked.facing(other) == other.facing(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if each word had one meaning: the same letters, the same vector.
    fn words(text: &Text) -> WordVectors {
        let vector = |word: &str| {
            let digest = Sha256::digest(word);
            (0..crate::embed::DIMENSIONS).map(move |at| f32::from(digest[at % 32]) - 127.5)
        };
        WordVectors::new(crate::text::syllables(&text.normal).flat_map(vector).collect())
    }

    fn waiting(id: u128, text: &str, cosine: f32) -> Waiting {
        Waiting {
            ticket_id: TicketId(Uuid::from_u128(id)),
            version: 2,
            awaits: Uuid::from_u128(id),
            text: Text::read(text),
            words: words(&Text::read(text)),
            cosine,
            lexical: 9.0,
        }
    }

    fn found(asked: &str, others: &[Waiting]) -> Vec<Likeness> {
        let calibration = Calibration::load(None, "multilingual-e5-small-int4").unwrap();
        let (text, rarity) = (Text::read(asked), Rarity::default());
        let words = words(&text);
        let asked = Question::read(&text, &words, &rarity, &calibration.learned);
        near(&asked, others, &[], &rarity, &calibration)
    }

    #[test]
    fn trivial_variants_are_exact_and_have_one_key() {
        let asked = Text::read("Cấp lại thẻ BHYT ở đâu?");
        let others = [
            waiting(1, "  cấp lại   thẻ bảo hiểm y tế ở đâu ", 1.0),
            waiting(2, "CAP LAI THE BHYT O DAU", 0.9),
            waiting(3, "Cấp lại thẻ căn cước ở đâu?", 0.97),
        ];
        let likes = exact(&asked, &others);
        let told: Vec<_> = likes.iter().map(|like| (like.exact, like.identical)).collect();
        assert_eq!(told, [(true, true), (true, false)]);
        assert!(exact(&others[1].text, &others[..1])[0].identical, "no diacritics contradict none");
        assert_eq!(key(&asked), key(&others[0].text));
        assert_eq!(key(&asked), key(&others[1].text));
        assert_ne!(key(&asked), key(&others[2].text));
    }

    #[test]
    fn other_diacritics_are_other_words() {
        let likes = exact(&Text::read("Bán đất công thế nào?"), &[waiting(1, "Bàn đất công thế nào?", 0.98)]);
        assert_eq!(likes, []);
    }

    #[test]
    fn a_slot_that_disagrees_never_joins() {
        let stored = waiting(1, "Sau khi tiêm mũi 3 bao lâu thì được đi làm?", 0.999);
        assert_eq!(found("Sau khi tiêm mũi 2 bao lâu thì được đi làm?", &[stored]), []);
    }

    #[test]
    fn those_that_await_one_answer_do_not_make_each_other_doubtful() {
        let asked = "Sau khi tiêm mũi 2 vắc xin Covid-19 thì bao lâu được tiêm mũi 3?";
        let first = || waiting(1, "Sau khi tiêm mũi 2 vắc xin Covid-19 bao lâu thì được tiêm mũi 3?", 0.99);
        let second = |awaits| Waiting {
            ticket_id: TicketId(Uuid::from_u128(2)),
            awaits: Uuid::from_u128(awaits),
            ..first()
        };
        assert_eq!(found(asked, &[first()]).len(), 1);
        let (together, apart) = (found(asked, &[first(), second(1)]), found(asked, &[first(), second(2)]));
        assert_eq!(together.len(), 2);
        assert!(apart.first().is_none_or(|like| like.probability <= together[0].probability));
    }

    #[test]
    fn strangers_do_not_join() {
        assert_eq!(found("Mở cửa lúc mấy giờ?", &[waiting(1, "Thủ tục nhập khẩu gỗ tròn?", 0.82)]), []);
        assert_eq!(found("Mở cửa lúc mấy giờ?", &[]), []);
    }
}
