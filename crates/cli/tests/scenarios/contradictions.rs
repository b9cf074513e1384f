//! Status and dates that contradict each other: the people are held, with file and line, and everybody else goes on.

use crate::world::{Setup, World};

#[test]
fn contradicting_rows_hold_their_people_and_say_where_they_stand() {
    let mut world = World::new(Setup::default());
    world.roster(
        "1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n\
         2,Bob,Builder,bob@acme.example,Engineer,Development,,active,1990-12-01,1997-06-30\n\
         3,Cy,Coder,cy@acme.example,Engineer,Development,,terminated,1990-12-01,1999-06-30\n\
         4,Di,Dancer,di@acme.example,Engineer,Development,,active,1997-12-01,1997-06-30\n",
    );
    let planned = world.carry_out();
    assert_eq!((planned.count("lessonly", "create"), planned.count("absorb", "create")), (1, 1), "{}", planned.said.out);
    let found = world.provost(&["findings", "--format", "json"]).json();
    let mut places: Vec<(String, u64)> = found["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|finding| finding["kind"] == "bad_row")
        .map(|finding| {
            (finding["person"].as_str().unwrap_or_default().to_owned(), finding["place"]["line"].as_u64().unwrap_or_default())
        })
        .collect();
    places.sort();
    assert_eq!(places, [("2".to_owned(), 3), ("3".to_owned(), 4), ("4".to_owned(), 5)], "{found}");
    world.check(&["--expect-complete"]);
}
