//! Labels in a column: each as near to what it names as the others let it.
//!
//! It owns that no two overlap and none leaves the column. It knows pixels, and nothing of what they show.

use std::ops::RangeInclusive;

/// Moves places apart until neighbours are `gap` apart, all within the column, and the sum of the squares of the
/// moves is least. The answer is in the order of the question. If there is not room enough, the gap shrinks.
pub(crate) fn spread_out(wanted: &[f64], gap: f64, column: &RangeInclusive<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|one, other| wanted[*one].total_cmp(&wanted[*other]));
    let steps = as_float(wanted.len().saturating_sub(1));
    let room = column.end() - column.start();
    let gap = if steps * gap > room {
        room / steps
    } else {
        gap
    };

    // With the gaps taken out, the places have to ascend and no more: blocks that do not are replaced by their mean.
    let mut blocks: Vec<Block> = Vec::new();
    for (rank, place) in order.iter().enumerate() {
        let mut block = Block {
            sum: wanted[*place] - as_float(rank) * gap,
            length: 1,
        };
        while let Some(last) = blocks.pop_if(|last| last.mean() > block.mean()) {
            block.sum += last.sum;
            block.length += last.length;
        }
        blocks.push(block);
    }

    let (lowest, highest) = (*column.start(), column.end() - steps * gap);
    let means = blocks
        .iter()
        .flat_map(|block| std::iter::repeat_n(block.mean().min(highest).max(lowest), block.length));
    let mut found = vec![0.0; wanted.len()];
    for (rank, (place, mean)) in order.into_iter().zip(means).enumerate() {
        found[place] = mean + as_float(rank) * gap;
    }
    found
}

/// Places in a row that have become one.
struct Block {
    sum: f64,
    length: usize,
}

impl Block {
    fn mean(&self) -> f64 {
        self.sum / as_float(self.length)
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are no 2^53 labels")]
fn as_float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn moved(wanted: &[f64], expected: &[f64]) {
        assert_eq!(spread_out(wanted, 10.0, &(0.0..=100.0)), expected);
    }

    #[test]
    fn labels_that_do_not_touch_stay_where_they_are() {
        moved(&[50.0, 10.0, 90.0], &[50.0, 10.0, 90.0]);
        moved(&[], &[]);
    }

    #[test]
    fn labels_that_touch_part_in_the_middle() {
        moved(&[50.0, 50.0], &[45.0, 55.0]);
        moved(&[52.0, 48.0, 50.0], &[60.0, 40.0, 50.0]);
    }

    #[test]
    fn a_group_that_grows_into_its_neighbour_takes_it_along() {
        moved(
            &[50.0, 50.0, 58.0],
            &[128.0 / 3.0, 158.0 / 3.0, 188.0 / 3.0],
        );
    }

    #[test]
    fn nobody_leaves_the_column() {
        moved(&[-20.0, 0.0, 99.0, 99.0], &[0.0, 10.0, 90.0, 100.0]);
    }

    #[test]
    fn without_room_the_gap_shrinks() {
        let found = spread_out(&[5.0; 21], 10.0, &(0.0..=100.0));
        let expected: Vec<f64> = (0..21).map(|rank| f64::from(rank) * 5.0).collect();
        assert_eq!(found, expected);
    }
}
