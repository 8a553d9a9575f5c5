package strict

import "testing"

func TestOnlyWhatIsKnownIsRead(t *testing.T) {
	for text, good := range map[string]bool{
		`{"a": 1}`: true, ` {"a": 1} ` + "\n": true, `{}`: true,
		`{"a": 1, "b": 2}`: false, `{"a": 1} {}`: false, `{"a": 1}x`: false, `{"a": "x"}`: false, ``: false,
	} {
		var v struct{ A int }
		if err := JSON([]byte(text), &v); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}
