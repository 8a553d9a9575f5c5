package computer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheMachineIsDescribed(t *testing.T) {
	m := Look()
	if m.Cores < 1 || m.RAMGiB <= 0 || m.Kernel == "" || m.Load < 0 {
		t.Errorf("got %+v", m)
	}
	if line := m.String(); !strings.Contains(line, m.Kernel) || strings.Contains(line, "\n") {
		t.Errorf("in one line: %q", line)
	}
}

func TestAValueIsFoundByItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "info")
	if err := os.WriteFile(path, []byte("model\t: 85\nmodel name\t: Some: CPU @ 2 GHz \nmodel name\t: other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"model name": "Some: CPU @ 2 GHz", "model": "85", "vendor": ""} {
		if got := value(path, name, ":"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := value(path+"-gone", "model", ":"); got != "" {
		t.Errorf("without the file: got %q", got)
	}
}
