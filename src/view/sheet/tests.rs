//! The sheet is read back as its reader would: by letters, and by a scanner.

use unisys_ops::keys::{Identities, KeyPair, id_of};

use super::*;

fn sheet() -> (Sheet, String) {
    let pair = KeyPair::generate();
    let secret = pair.secret();
    let sheet = Sheet {
        title: Some("<unisys> & \"co\"".into()),
        key_id: Some(id_of(&pair.recipient())),
        recipient: Some(pair.recipient()),
        plugin: None,
        secret: secret.clone(),
        printed: "2026-11-21T02:00:00Z".parse().unwrap(),
    };
    (sheet, secret.expose_secret().to_owned())
}

/// Reads the QR code in a square of dark and light points, four of an image's to each.
fn scanned(dark: &[Vec<bool>]) -> String {
    let width = dark[0].len() * 4;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, dark.len() * 4, |x, y| {
        if dark[y / 4][x / 4] { 0 } else { 255 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code");
    grids[0].decode().unwrap().1
}

#[test]
fn the_code_in_text_holds_the_key() {
    let (sheet, secret) = sheet();
    let text = sheet.text(false).unwrap();
    let lines: Vec<&str> =
        text.expose_secret().lines().filter(|line| line.contains(['█', '▀', '▄'])).collect();
    let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
    let mut dark = vec![vec![false; widest]; lines.len() * 2];
    for (row, line) in lines.iter().enumerate() {
        for (column, point) in line.chars().enumerate() {
            dark[row * 2][column] = matches!(point, '█' | '▀');
            dark[row * 2 + 1][column] = matches!(point, '█' | '▄');
        }
    }
    // the quiet zone's empty lines hold no point, and were not found
    let edge = vec![vec![false; widest]; 4];
    assert_eq!(scanned(&[edge.clone(), dark, edge].concat()), secret);
}

#[test]
fn the_code_on_the_page_holds_the_key() {
    let (sheet, secret) = sheet();
    let page = sheet.html().unwrap();
    let page = page.expose_secret();
    // the image is one path of rectangles: M x y h width v height …
    let number = |text: &str| text.parse::<usize>().unwrap();
    let view: Vec<usize> =
        page.split("viewBox=\"").nth(1).unwrap().split('"').next().unwrap().split(' ').map(number).collect();
    let mut dark = vec![vec![false; view[2]]; view[3]];
    let path = page.split(" d=\"").last().unwrap().split('"').next().unwrap();
    for rectangle in path.split('M').filter(|text| !text.is_empty()) {
        let numbers: Vec<usize> =
            rectangle.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).map(number).collect();
        let [x, y, width, height, ..] = numbers[..] else { panic!("{rectangle}") };
        for row in &mut dark[y..y + height] {
            row[x..x + width].fill(true);
        }
    }
    assert_eq!(scanned(&dark), secret);
    assert!(page.contains("&lt;unisys&gt; &amp; &quot;co&quot;") && !page.contains("<unisys>"));
    assert!(!page.contains("http://") || page.contains("http://www.w3.org/2000/svg"), "nothing is fetched");
}

#[test]
fn the_letters_are_the_key() {
    let (sheet, secret) = sheet();
    let (prefix, lines) = sheet.lines();
    let typed: String = [vec![prefix], lines].concat().concat().split_whitespace().collect();
    assert_eq!(typed, secret);
    assert!(secret.ends_with(sheet.checksum()) && sheet.checksum().len() == 6);
    let text = sheet.text(false).unwrap();
    let keys = Identities::of_text(&typed, std::path::Path::new("paper")).unwrap();
    assert!(text.expose_secret().contains(&keys.recipients()[0]), "what age-keygen -y prints is on it");
}

#[test]
fn the_text_fits_eighty_columns() {
    let (sheet, _) = sheet();
    for line in sheet.text(false).unwrap().expose_secret().lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
