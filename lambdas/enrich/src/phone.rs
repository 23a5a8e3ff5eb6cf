//! Telephone numbers: E.164 and the country they belong to.
//! <https://www.itu.int/rec/T-REC-E.164>

use phonenumber::country::Source;
use phonenumber::metadata::{DATABASE, Descriptor};
use phonenumber::{Metadata, Mode, PhoneNumber, Type, country as countries};

/// The longest text that is tried: E.164's 15 digits with generous punctuation, a prefix and an extension.
const MAX_BYTES: usize = 64;

/// A number that somebody can be called by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// In E.164 form, `+493012345678`.
    pub e164: String,
    /// ISO 3166-1 alpha-2; absent where the code belongs to no single country, as for `+800`.
    pub country: Option<String>,
}

/// Reads a number as people write it; one without country code is of `default_country`. Nothing if it is no possible
/// number: a code that does not exist, or a length that no number there has.
#[must_use]
pub fn parse(text: &str, default_country: countries::Id) -> Option<Phone> {
    if text.is_empty() || text.len() > MAX_BYTES {
        return None;
    }
    let number = read(text, default_country)?;
    let regions = DATABASE.by_code(&number.code().value())?;
    // With the zeros in front, which belong to the number in Italy. The library's own look-up of the country drops them.
    let national = number.national().to_string();
    if !is_possible(&regions, &national) {
        return None;
    }
    let country = country(&regions, &national).map(ToOwned::to_owned);
    Some(Phone { e164: number.format().mode(Mode::E164).to_string(), country })
}

/// The library takes the national prefix of the default country off every number. One that names its own country is
/// therefore read again without a default: Rome's `+39 06` is not Germany's `06`.
fn read(text: &str, default_country: countries::Id) -> Option<PhoneNumber> {
    let number = phonenumber::parse(Some(default_country), text).ok()?;
    match number.code().source() {
        Source::Plus => phonenumber::parse(None, text).ok(),
        Source::Idd => phonenumber::parse(None, with_plus(text, default_country)?).ok(),
        Source::Number | Source::Default => Some(number),
    }
}

/// The text with `+` in place of the prefix that one dials in this country for calls abroad.
fn with_plus(text: &str, country: countries::Id) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let prefix = DATABASE.by_id(country.as_ref())?.international_prefix()?.find(&digits)?;
    let (rest, _) = text.char_indices().filter(|(_, character)| character.is_ascii_digit()).nth(prefix.end())?;
    Some(format!("+{}", &text[rest..]))
}

/// The kinds of numbers that can be called from everywhere.
const KINDS: [Type; 10] = [
    Type::FixedLine,
    Type::Mobile,
    Type::TollFree,
    Type::PremiumRate,
    Type::SharedCost,
    Type::PersonalNumber,
    Type::Voip,
    Type::Pager,
    Type::Uan,
    Type::Voicemail,
];

/// Possible, not valid: a number range that was opened after the library's release must not be lost.
fn is_possible(regions: &[&Metadata], national: &str) -> bool {
    let kinds = regions.iter().flat_map(|region| kinds(region));
    kinds.flat_map(Descriptor::possible_length).any(|length| usize::from(*length) == national.len())
}

/// Where several countries share a code, the one whose area codes or number ranges these digits are of.
fn country<'a>(regions: &[&'a Metadata], national: &str) -> Option<&'a str> {
    let region = match regions {
        [only] => Some(only),
        shared => shared.iter().find(|region| match region.leading_digits() {
            Some(digits) => digits.find(national).is_some_and(|found| found.start() == 0),
            None => kinds(region).any(|kind| kind.is_match(national)),
        }),
    };
    // The library's name for codes of no country.
    region.map(|region| region.id()).filter(|id| *id != "001")
}

fn kinds(region: &Metadata) -> impl Iterator<Item = &Descriptor> {
    KINDS.iter().filter_map(|kind| region.descriptors().get(*kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use countries::{AT, DE, IT, US};

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, default, e164, country) in [
            ("+49 30 12345678", US, "+493012345678", Some("DE")),
            ("030 / 1234-5678", DE, "+493012345678", Some("DE")),
            ("0049 (0)30 12345678", DE, "+493012345678", Some("DE")),
            ("tel:+49-30-12345678", US, "+493012345678", Some("DE")),
            ("+1 (212) 736-5000", DE, "+12127365000", Some("US")),
            ("+1 416 736 5000", DE, "+14167365000", Some("CA")),
            ("212-736-5000", US, "+12127365000", Some("US")),
            ("+44 20 7946 0018", DE, "+442079460018", Some("GB")),
            ("06 4997 1234", IT, "+390649971234", Some("IT")),
            ("+39 06 6982 1234", DE, "+390669821234", Some("VA")),
            ("0039 06 4997 1234", DE, "+390649971234", Some("IT")),
            ("011 39 06 4997 1234", US, "+390649971234", Some("IT")),
            ("+7 495 123-45-67", DE, "+74951234567", Some("RU")),
            ("+7 701 123 4567", DE, "+77011234567", Some("KZ")),
            ("+43 1 58858-0", AT, "+431588580", Some("AT")),
            ("+49 30 12345678 ext. 12", DE, "+493012345678", Some("DE")),
            ("+800 1234 5678", DE, "+80012345678", None),
        ] {
            let phone = parse(text, default).expect(text);
            assert_eq!((phone.e164.as_str(), phone.country.as_deref()), (e164, country), "{text}");
        }
    }

    #[test]
    fn what_is_no_possible_number_is_none() {
        for text in ["", "unknown", "+", "1", "+49", "+999 12345678", "+1 23", "+44 1234567890123456", "()", "\u{0}"] {
            assert_eq!(parse(text, DE), None, "{text:?}");
        }
        assert_eq!(parse(&"1".repeat(100_000), DE), None);
    }

    /// The library slices and unwraps; a record must not be able to end the function.
    #[test]
    fn no_text_panics() {
        const ALPHABET: [char; 32] = [
            '+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '1', '(', ')', '-', '/', ' ', '.', ';', '=',
            'x', 'e', 'A', '*', '#', 'ä', '\u{ff0b}', '\u{662}', '\u{2060}', '~', ',',
        ];
        let countries: Vec<countries::Id> = DATABASE.iter().filter_map(|region| region.id().parse().ok()).collect();
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..3_000 {
            let length = random.usize(0..20);
            let text: String = (0..length).map(|_| ALPHABET[random.usize(..ALPHABET.len())]).collect();
            let _ = parse(&text, countries[random.usize(..countries.len())]);
            let _ = parse(&format!("+{}", random.u64(..)), DE);
        }
    }
}
