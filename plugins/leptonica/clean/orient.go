package clean

import "math"

// How orientation is decided. Ascenders are counted first: that takes 15 ms and
// speaks clearly for most pages. Only a page that it finds turned, or says
// nothing of, is shown to the model, which takes 250 ms; and a page is turned
// only when the model is sure, more so where the first look was silent.
const (
	clearUp      = 5.0  // ascenders speak for an upright page from here …
	clearTurned  = 5.0  // and for a turned one from here …
	clearRatio   = 1.5  // … when they outweigh the other axis by so much
	veryClear    = 12.0 // from here the model need only say the same
	sureAgreeing = 2.0  // model confidence needed where ascenders are clear
	sureAlone    = 5.0  // and where they say nothing
)

// turn gives the clockwise degrees that bring the page upright; 0 when unsure.
func turn(w view, t Turner) (int, error) {
	up, left, err := w.UpDown()
	if err != nil {
		return 0, err
	}
	if up >= clearUp && up >= clearRatio*math.Abs(left) || t == nil {
		return 0, nil
	}
	degrees, sure := t.Turn(w.Image, int(w.dpi))
	return decide(up, left, degrees, sure), nil
}

// decide joins the two opinions.
func decide(up, left float64, degrees int, sure float64) int {
	seen, weight := lying(up, left)
	need := sureAlone
	switch {
	case weight >= clearTurned && seen != degrees:
		return 0
	case weight >= veryClear:
		need = 0
	case weight >= clearTurned:
		need = sureAgreeing
	}
	if sure < need {
		return 0
	}
	return degrees
}

// lying is the turn that ascenders ask for and by what weight; 0 where the two
// axes are too near to tell.
func lying(up, left float64) (degrees int, weight float64) {
	u, l := math.Abs(up), math.Abs(left)
	switch {
	case u > clearRatio*l && up < 0:
		return 180, u
	case u > clearRatio*l:
		return 0, u
	case l > clearRatio*u && left < 0:
		return 270, l
	case l > clearRatio*u:
		return 90, l
	}
	return 0, 0
}
