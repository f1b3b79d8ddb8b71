//! Names and sentences: several scripts, signs that need an escape, texts too long for a page.

use super::rng::Rng;

struct Culture {
    female: &'static [&'static str],
    male: &'static [&'static str],
    family: &'static [&'static str],
    city: &'static str,
    country: &'static str,
}

const CULTURES: &[Culture] = &[
    Culture {
        female: &["Alice", "Grace", "Maeve", "Hannah", "Olivia", "Niamh"],
        male: &["James", "Liam", "Oliver", "Seán", "Thomas", "George"],
        family: &["O'Brien", "Smith", "Taylor-Wright", "Murphy", "Evans", "Campbell"],
        city: "Dublin",
        country: "IE",
    },
    Culture {
        female: &["Zoë", "Chloé", "Amélie", "Inès", "Maëlys", "Noémie"],
        male: &["François", "Rémi", "Loïc", "Étienne", "Gaël", "Théo"],
        family: &["Lefèvre", "D'Aubigné", "Gonçalves", "Müller", "Muñoz", "Béranger"],
        city: "Besançon",
        country: "FR",
    },
    Culture {
        female: &["Þórdís", "Łucja", "Željka", "Ágnes", "Şebnem", "Ðurđa"],
        male: &["Bjørn", "Paweł", "Dušan", "Gyözö", "Çağrı", "Õnne"],
        family: &["Guðmundsdóttir", "Wiśniewski", "Šimić", "Szűcs", "Yıldırım", "Ångström"],
        city: "Łódź",
        country: "PL",
    },
    Culture {
        female: &["Ольга", "Наталія", "Алёна", "Вера", "Дарья", "Мілена"],
        male: &["Дмитро", "Николай", "Фёдор", "Ілля", "Артём", "Юрій"],
        family: &["Шевченко", "Кузнецова", "Ющенко", "Воробьёв", "Франко", "Лисенко"],
        city: "Київ",
        country: "UA",
    },
    Culture {
        female: &["Ελένη", "Χρυσή", "Ιωάννα", "Δήμητρα"],
        male: &["Γιώργος", "Νίκος", "Άρης", "Θεόδωρος"],
        family: &["Παπαδόπουλος", "Οικονόμου", "Ξενάκης", "Αγγελίδη"],
        city: "Αθήνα",
        country: "GR",
    },
    Culture {
        female: &["فاطمة", "مريم", "نور", "زينب"],
        male: &["محمد", "يوسف", "عمر", "خالد"],
        family: &["الحسن", "بن علي", "المصري", "عبد الله"],
        city: "القاهرة",
        country: "EG",
    },
    Culture {
        female: &["秀英", "婷婷", "雨桐", "欣怡"],
        male: &["伟", "子轩", "浩然", "𠮷明"],
        family: &["王", "李", "欧阳", "陳"],
        city: "成都",
        country: "CN",
    },
    Culture {
        female: &["さくら", "陽菜", "美咲", "ゆい"],
        male: &["蓮", "大翔", "ケンジ", "翔太"],
        family: &["佐藤", "鈴木", "髙橋", "渡邉"],
        city: "京都",
        country: "JP",
    },
    Culture {
        female: &["प्रिया", "अनुष्का", "लक्ष्मी", "दीपिका"],
        male: &["राहुल", "अर्जुन", "विक्रम", "कृष्ण"],
        family: &["शर्मा", "गुप्ता", "पटेल", "सिंह"],
        city: "दिल्ली",
        country: "IN",
    },
    Culture {
        female: &["Adébáyọ̀", "Ṣadé", "Wanjikũ", "Nomvula"],
        male: &["Olúwaṣeun", "Kwame", "Mũgo", "Sipho"],
        family: &["Adéyẹmí", "N'Diaye", "Ngũgĩ", "Dlamini"],
        city: "Ìbàdàn",
        country: "NG",
    },
    Culture {
        female: &["Thị Hồng", "지우", "สมหญิง", "Nguyệt"],
        male: &["Văn Đức", "민준", "สมชาย", "Hữu"],
        family: &["Nguyễn", "김", "ศรีสุข", "Trần"],
        city: "Đà Nẵng",
        country: "VN",
    },
    Culture {
        female: &["שרה", "נועה", "תמר", "יעל"],
        male: &["דוד", "איתן", "משה", "אורי"],
        family: &["כהן", "לוי", "בן־דוד", "מזרחי"],
        city: "חיפה",
        country: "IL",
    },
];

/// Who somebody is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) first: &'static str,
    pub(crate) middle: Option<&'static str>,
    pub(crate) last: &'static str,
    pub(crate) gender: Option<&'static str>,
    pub(crate) city: &'static str,
    pub(crate) country: &'static str,
}

pub(crate) fn person(rng: &mut Rng) -> Person {
    let culture = &CULTURES[rng.below(CULTURES.len() as u64) as usize];
    let (names, gender) = if rng.chance(50) { (culture.female, "female") } else { (culture.male, "male") };
    Person {
        first: rng.pick(names),
        middle: if rng.chance(25) { Some(rng.pick(names)) } else { None },
        last: rng.pick(culture.family),
        gender: match rng.below(20) {
            0 => None,
            1 => Some("other"),
            _ => Some(gender),
        },
        city: culture.city,
        country: culture.country,
    }
}

const SENTENCES: &[&str] = &[
    "Transferred credits were recognised in part.",
    "Asked for an extension; granted until the end of the month.",
    "Paid by a sponsor (see the letter in the file).",
    "Prefers to be called by the middle name.",
    "Speaks four languages, writes in three: \"très bien\", «отлично», 「上手」.",
    "Path of the old record: C:\\archive\\2019\\students.dbf",
    "Grade 50\u{a0}% → 65\u{a0}% after review ✓",
    "First line of an address\nsecond line of it\nthird line",
    "Column\tby\ttab\tas pasted from a table.",
    "No answer to three letters.",
    "Medical certificate received, absence excused 🩺.",
    "Library fine open: €12.50.",
    "Emergency contact changed by telephone.",
    "Supervisor: Prof. Dr. h.c. Ødegård-Nuñez.",
    "\\N is not a null, only a text that looks like one.",
    "Lives with a host family; no own post box.",
];

/// Appends this many sentences.
pub(crate) fn sentences(rng: &mut Rng, count: u64, out: &mut String) {
    for i in 0..count {
        if i > 0 {
            out.push(' ');
        }
        out.push_str(rng.pick(SENTENCES));
    }
}

/// Appends a number as it is, without `format!`, whose cost shows at ten million rows.
pub(crate) fn push_number(out: &mut String, value: u64, width: usize) {
    let (digits, from) = super::row::decimal(value);
    let from = from.min(digits.len().saturating_sub(width));
    out.extend(digits[from..].iter().map(|b| char::from(*b)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_padded_and_never_cut() {
        let mut out = String::new();
        push_number(&mut out, 42, 7);
        push_number(&mut out, 12345, 2);
        assert_eq!(out, "000004212345");
    }
}
