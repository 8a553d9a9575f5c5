//go:build !linux

package conform

func use(int) (usage, bool) { return usage{}, false }

func strays(string) []int { return nil }
