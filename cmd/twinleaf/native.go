package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// nativeMode is the field native, and the flag of that name: whether an engine that was
// built for this processor is used where there is one ("make native-engine").
type nativeMode string

const (
	nativeAuto nativeMode = "auto" // default
	nativeOff  nativeMode = "off"
)

const nativeEnv = "TWINLEAF_NATIVE"

// register adds the flag; empty means that it was not given.
func (m *nativeMode) register(fl *pflag.FlagSet) {
	fl.StringVar((*string)(m), "native", "", "the engine that was built for this processor: auto uses it where it fits, off never (or "+nativeEnv+"; default auto)")
}

// over is this mode where it is given, else the environment's, else what stands behind.
func (m nativeMode) over(behind nativeMode) (nativeMode, error) {
	chosen := cmp.Or(m, nativeMode(os.Getenv(nativeEnv)), behind, nativeAuto)
	if chosen != nativeAuto && chosen != nativeOff {
		return "", usage("write auto or off", "native: %q is neither auto nor off", string(chosen))
	}
	return chosen, nil
}

// nativeFindings tells of the libraries that were built for this processor.
func nativeFindings(list []host.Status, mode nativeMode) []finding {
	if mode == nativeOff {
		return []finding{good("native engine", "off")}
	}
	var found []finding
	for _, p := range list {
		switch {
		case p.Native == nil:
		case p.Native.Aside != "":
			found = append(found, warn("native engine", fmt.Sprintf("%s is left aside: %s", p.Native.Prefix, p.Native.Aside),
				"the distribution's engine works instead; \"make native-engine\" builds it for this machine"))
		default:
			found = append(found, good("native engine", "%s, built of %s (%s)", p.Name, p.Native.Source, p.Native.Prefix))
		}
	}
	if len(found) == 0 {
		found = append(found, good("native engine", "none; the distribution's works (\"make native-engine\" builds a faster one)"))
	}
	return found
}
