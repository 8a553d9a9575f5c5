// Package bench measures the finished program from outside, as a user meets it:
// how right its text is on real scans (bench/accuracy), what hostile files do to it
// (bench/hostile), and what thousands of pages cost (bench/scale). The first two read
// a folder of test files with a manifest, which is not part of the project; see
// [DataDir].
package bench
