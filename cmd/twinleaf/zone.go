package main

import (
	"os"
	"slices"
	"strings"
	"time"
)

// timeZone is the name of this machine's time zone, e.g. Europe/Berlin: from the
// environment, the link /etc/localtime, or /etc/timezone. Where none of them names it, it
// is the present offset from UTC.
func timeZone() string {
	if zone := strings.TrimPrefix(os.Getenv("TZ"), ":"); zone != "" {
		return zoneName(zone)
	}
	link, err := os.Readlink("/etc/localtime")
	if os.IsNotExist(err) {
		return "UTC"
	}
	if err == nil && strings.Contains(link, zoneinfo) {
		return zoneName(link)
	}
	if name, err := os.ReadFile("/etc/timezone"); err == nil && len(name) > 0 && len(name) < 100 {
		return zoneName(strings.TrimSpace(string(name)))
	}
	return time.Now().Format("-07:00")
}

const zoneinfo = "zoneinfo/"

// zoneName gives one zone one name: the path below the folder of zones, and UTC for its
// many others.
func zoneName(zone string) string {
	if i := strings.LastIndex(zone, zoneinfo); i >= 0 {
		zone = zone[i+len(zoneinfo):]
	}
	zone = strings.TrimPrefix(strings.TrimPrefix(zone, "posix/"), "right/")
	if slices.Contains([]string{"UTC", "UCT", "Universal", "Zulu"}, strings.TrimPrefix(zone, "Etc/")) {
		return "UTC"
	}
	return zone
}
