// Package bench measures the finished program from outside, as a user meets it:
// how right its text is on real scans (bench/accuracy) and what hostile files do
// to it (bench/hostile). Both read a folder of test files with a manifest, which
// is not part of the project; see [DataDir].
package bench
