//! Statistics against figures worked out by hand or taken from tables.

use super::*;

fn close(a: f64, b: f64, within: f64) {
    assert!((a - b).abs() <= within, "{a}, expected {b}");
}

#[test]
fn the_median_is_the_middle() {
    assert_eq!(median(&mut []), None);
    assert_eq!(median(&mut [3.0]), Some(3.0));
    assert_eq!(median(&mut [9.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&mut [9.0, 1.0, 2.0, 4.0]), Some(3.0));
}

#[test]
fn a_slope_bears_a_quarter_of_nonsense() {
    let mut points: Vec<_> = (0..20).map(|x| (f64::from(x), 5.0 + 2.0 * f64::from(x))).collect();
    for point in points.iter_mut().take(4) {
        point.1 = 1e6;
    }
    close(theil_sen(&points).unwrap(), 2.0, 1e-9);
    assert_eq!(theil_sen(&[(1.0, 1.0)]), None);
    assert_eq!(theil_sen(&[(1.0, 1.0), (1.0, 9.0)]), None, "two values at one time have no slope");
}

#[test]
fn a_trend_is_told_from_its_order() {
    let rising: Vec<f64> = (0..10).map(f64::from).collect();
    // All 45 pairs rise; the variance is 10 * 9 * 25 / 18 = 125.
    close(mann_kendall(&rising), 44.0 / 125.0_f64.sqrt(), 1e-9);
    let falling: Vec<f64> = rising.iter().map(|v| -v).collect();
    close(mann_kendall(&falling), -44.0 / 125.0_f64.sqrt(), 1e-9);
    close(mann_kendall(&[1.0, 1.0, 1.0]), 0.0, 0.0);
    // 1 1 2 2: four pairs rise, two tie; the variance is (4*3*13 - 2 * 2*1*9) / 18 = 20/3.
    close(mann_kendall(&[1.0, 1.0, 2.0, 2.0]), 3.0 / (20.0_f64 / 3.0).sqrt(), 1e-9);
    close(mann_kendall(&[]), 0.0, 0.0);
}

#[test]
fn the_normal_distribution_is_that_of_the_tables() {
    for (z, chance) in [(0.0, 0.5), (1.0, 0.841_345), (1.96, 0.975_002), (-1.96, 0.024_998), (3.0, 0.998_650)] {
        close(normal_below(z), chance, 1e-5);
    }
}

#[test]
fn the_chance_of_failures_is_that_of_a_known_rate_when_much_was_seen() {
    // Binomial(10, 0.5): 0.0546875 for eight and more.
    close(chance_of(8, 10, (5e8, 5e8)), 0.054_687_5, 1e-6);
    // With equal weights of one, every count is as likely.
    close(chance_of(3, 4, (1.0, 1.0)), 2.0 / 5.0, 1e-12);
    close(chance_of(0, 4, (1.0, 1.0)), 1.0, 1e-12);
    close(chance_of(4, 4, (1.0, 1.0)), 1.0 / 5.0, 1e-12);
    assert!(chance_of(60, 60, (1.0, 99.0)) < 1e-12);
}
