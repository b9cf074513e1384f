//! How the coverage went: kept planning by planning, told from a time on, the last word of an instant counts.

use super::common::*;
use model::*;
use provost_store::CoverageNote;

#[tokio::test]
async fn coverage_is_kept_planning_by_planning() {
    let (home, store) = store().await;
    let note = |app: &str, seconds: i64, with_account: u64| CoverageNote {
        at: at(seconds),
        app: AppName::new(app),
        here: 12,
        with_account,
        left_with_account: 1,
    };
    store.put_coverage(&[note("b", 0, 1), note("a", 0, 2)]).await.unwrap();
    store.put_coverage(&[note("a", 60, 3)]).await.unwrap();
    store.put_coverage(&[]).await.unwrap();
    assert_eq!(store.coverage_since(at(0)).await.unwrap(), [note("a", 0, 2), note("b", 0, 1), note("a", 60, 3)]);
    assert_eq!(store.coverage_since(at(1)).await.unwrap(), [note("a", 60, 3)]);
    store.put_coverage(&[note("a", 60, 4)]).await.unwrap();
    assert_eq!(home.open().await.coverage_since(at(60)).await.unwrap(), [note("a", 60, 4)], "also in another process");
}
