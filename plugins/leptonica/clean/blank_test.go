package clean

import "testing"

func look(t testing.TB, path string, dpi float64, turner Turner) Finding {
	t.Helper()
	f, err := Look(t.Context(), Page{Path: path, DPI: dpi}, Options{Blank: true, Orientation: true, Scale: true}, turner)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestASheetIsBlankUnlessSomeoneWroteOnIt(t *testing.T) {
	for _, c := range []struct {
		name  string
		sheet func() *paper
		want  bool
	}{
		{"clean", func() *paper { return a4(t) }, true},
		{"grainy", func() *paper { return a4(t).noise(8) }, true},
		{"punched", func() *paper { return a4(t).holes().noise(4) }, true},
		{"with dark edges", func() *paper { return a4(t).edge().noise(4) }, true},
		{"shaded towards the fold", func() *paper { return a4(t).shade().noise(4) }, true},
		{"dusty", func() *paper { return a4(t).dust(25, 1.2).noise(4) }, true},
		{"with a streak of the feeder", func() *paper { return a4(t).streak().noise(4) }, true},
		{"with the other side shining through", func() *paper { return a4(t).behind().noise(4) }, true},
		{"all of that", func() *paper { return a4(t).behind().holes().edge().shade().dust(15, 1.2).streak().noise(5) }, true},

		{"one short line", func() *paper { return a4(t).write(30, 150, 8, 20, "see over").noise(4) }, false},
		{"one word of 6 points", func() *paper { return a4(t).write(30, 150, 6, 20, "void").noise(4) }, false},
		{"a page number", func() *paper { return a4(t).write(104, 283, 9, 20, "7").noise(4) }, false},
		{"a pale page number", func() *paper { return a4(t).write(104, 283, 10, 110, "1").noise(4) }, false},
		{"a pencil note", func() *paper { return a4(t).write(120, 40, 12, 165, "ok, Meier").noise(6) }, false},
		{"a gray stamp", func() *paper { return a4(t).write(120, 60, 20, 175, "PAID").noise(6) }, false},
		{"a word on a dirty sheet", func() *paper { return a4(t).holes().edge().dust(15, 1.2).write(30, 150, 8, 20, "Page").noise(5) }, false},
		{"footnote print at the foot", func() *paper { return a4(t).write(25, 280, 5, 20, "printed on paper").noise(3) }, false},
		{"a large dark picture", func() *paper { p := a4(t); p.fill(p.img.Rect.Inset(mm(30)), 90); return p.noise(5) }, false},
		{"white on a dark sheet", func() *paper { p := a4(t); p.fill(p.img.Rect, 90); return p.write(40, 100, 20, 230, "Cover").noise(5) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sheet := c.sheet()
			if got := look(t, sheet.pgm(), paperDPI, nil).Blank; got != c.want {
				t.Errorf("gray: blank %v, want %v", got, c.want)
			}
			if !c.want {
				return
			}
			if !look(t, sheet.jpeg(60), paperDPI, nil).Blank {
				t.Error("strongly compressed: not blank")
			}
		})
	}
}

func TestABlankSheetScannedInBlackAndWhiteIsBlank(t *testing.T) {
	if !look(t, a4(t).holes().edge().dust(20, 1.2).bits().pgm(), paperDPI, nil).Blank {
		t.Error("a dusty punched sheet in black and white is not blank")
	}
	if look(t, a4(t).write(104, 283, 9, 20, "12").bits().pgm(), paperDPI, nil).Blank {
		t.Error("a page number in black and white is blank")
	}
}

func TestSmallImagesAndWrongResolutionsDoNotHideText(t *testing.T) {
	for _, dpi := range []float64{0, 72, 100, 300, 518, 600, 1200} {
		p := newPaper(t, 900, 1300).write(5, 20, 8, 20, "Total 12.50").noise(3)
		if look(t, p.pgm(), dpi, nil).Blank {
			t.Errorf("text is blank at a claimed %g dpi", dpi)
		}
	}
}
