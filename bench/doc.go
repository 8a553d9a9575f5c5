// Package bench measures the finished program from outside, as a user meets it:
// how right its text is on real scans (bench/accuracy), what hostile files do to it
// (bench/hostile), what thousands of pages cost (bench/scale), how it stands beside other
// programs (bench/peers), what a running server costs (bench/latency), and what a pair of servers loses on bad days (bench/robust). The
// first two and bench/peers read a folder of test files with a manifest, which is not part
// of the project; see [DataDir].
package bench
