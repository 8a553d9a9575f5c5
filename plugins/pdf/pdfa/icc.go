package pdfa

import (
	"encoding/binary"
	"math"
)

// icc collects the tags of an ICC profile.
type icc struct {
	class, space, pcs string
	tags              []iccTag
}

type iccTag struct {
	sig   string
	data  []byte
	share bool // the data of the tag before
}

func (p *icc) add(sig string, data []byte) { p.tags = append(p.tags, iccTag{sig: sig, data: data}) }

// bytes is the profile: a version 2.1 header, the table of tags and the tags, each
// on a multiple of four.
func (p *icc) bytes() []byte {
	be := binary.BigEndian
	head := make([]byte, 128, 256)
	be.PutUint32(head[8:], 0x02100000)
	copy(head[12:], p.class+p.space+p.pcs)
	for i, v := range []uint16{2000, 1, 1} { // a date is required; any will do
		be.PutUint16(head[24+2*i:], v)
	}
	copy(head[36:], "acsp")
	copy(head[68:], xyz(0.9642, 1, 0.8249))
	head = be.AppendUint32(head, uint32(len(p.tags)))
	var body []byte
	offset, size := 0, 0
	for _, t := range p.tags {
		if !t.share {
			offset, size = 128+4+12*len(p.tags)+len(body), len(t.data)
			body = append(body, t.data...)
			body = append(body, make([]byte, (4-len(body)%4)%4)...)
		}
		head = append(head, t.sig...)
		head = be.AppendUint32(head, uint32(offset))
		head = be.AppendUint32(head, uint32(size))
	}
	out := append(head, body...)
	be.PutUint32(out, uint32(len(out)))
	return out
}

// SRGB is the sRGB colour space as an ICC profile of version 2.1.
func SRGB() []byte {
	const points = 1024
	be := binary.BigEndian
	curve := append([]byte("curv\x00\x00\x00\x00"), be.AppendUint32(nil, points)...)
	for i := range points {
		curve = be.AppendUint16(curve, uint16(math.Round(65535*linear(float64(i)/(points-1)))))
	}
	p := icc{class: "mntr", space: "RGB ", pcs: "XYZ "}
	p.describe("sRGB IEC61966-2.1")
	p.add("wtpt", xyzTag(0.9642, 1, 0.8249))
	p.add("rXYZ", xyzTag(0.43607, 0.22249, 0.01392))
	p.add("gXYZ", xyzTag(0.38515, 0.71687, 0.09708))
	p.add("bXYZ", xyzTag(0.14307, 0.06061, 0.71410))
	p.add("rTRC", curve)
	p.tags = append(p.tags, iccTag{sig: "gTRC", share: true}, iccTag{sig: "bTRC", share: true})
	return p.bytes()
}

// CMYK is a profile for CMYK images without one of their own: each colour is what
// plain subtraction makes of it in sRGB. It is 40 KB long.
func CMYK() []byte {
	const grid = 9
	be := binary.BigEndian
	lut := []byte("mft2\x00\x00\x00\x00")
	lut = append(lut, 4, 3, grid, 0)
	for i := range 9 { // the unit matrix
		lut = be.AppendUint32(lut, map[bool]uint32{true: 0x10000}[i%4 == 0])
	}
	lut = be.AppendUint16(be.AppendUint16(lut, 2), 2)
	straight := func(n int) {
		for range n {
			lut = append(lut, 0, 0, 0xFF, 0xFF)
		}
	}
	straight(4)
	at := func(i int) float64 { return 1 - float64(i)/(grid-1) }
	for c := range grid {
		for m := range grid {
			for y := range grid {
				for k := range grid {
					lut = appendLab(lut, at(c)*at(k), at(m)*at(k), at(y)*at(k))
				}
			}
		}
	}
	straight(3)
	p := icc{class: "scnr", space: "CMYK", pcs: "Lab "}
	p.describe("Plain CMYK")
	p.add("wtpt", xyzTag(0.9642, 1, 0.8249))
	p.add("A2B0", lut)
	return p.bytes()
}

// describe adds the two texts that every profile has.
func (p *icc) describe(name string) {
	be := binary.BigEndian
	desc := append([]byte("desc\x00\x00\x00\x00"), be.AppendUint32(nil, uint32(len(name)+1))...)
	desc = append(desc, name...)
	desc = append(desc, make([]byte, 1+4+4+2+1+67)...) // no Unicode and no Macintosh text
	p.add("desc", desc)
	p.add("cprt", []byte("text\x00\x00\x00\x00No copyright, use freely\x00"))
}

// linear undoes the transfer curve of sRGB.
func linear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// appendLab writes an sRGB colour as 16-bit Lab (D50) in the encoding of version 2.
func appendLab(dst []byte, r, g, b float64) []byte {
	r, g, b = linear(r), linear(g), linear(b)
	fx := labCurve((0.43607*r + 0.38515*g + 0.14307*b) / 0.9642)
	fy := labCurve(0.22249*r + 0.71687*g + 0.06061*b)
	fz := labCurve((0.01392*r + 0.09708*g + 0.71410*b) / 0.8249)
	for _, v := range [3]float64{(116*fy - 16) * 652.8, (500*(fx-fy) + 128) * 256, (200*(fy-fz) + 128) * 256} {
		dst = binary.BigEndian.AppendUint16(dst, uint16(min(max(math.Round(v), 0), 65535)))
	}
	return dst
}

func labCurve(t float64) float64 {
	if t > 216.0/24389 {
		return math.Cbrt(t)
	}
	return (24389.0/27*t + 16) / 116
}

func xyzTag(x, y, z float64) []byte { return append([]byte("XYZ \x00\x00\x00\x00"), xyz(x, y, z)...) }

func xyz(v ...float64) (out []byte) {
	for _, f := range v {
		out = binary.BigEndian.AppendUint32(out, uint32(int32(math.Round(f*65536))))
	}
	return out
}

// Profile is what the header of an ICC profile says.
type Profile struct {
	Version    uint32 // e.g. 0x04300000
	Class      string // scnr, mntr, prtr, spac …
	Space      string // GRAY, RGB, CMYK …
	Components int
}

// ParseProfile reads the header of a profile. ok is false if it may not stand in a
// document: a wrong length or mark, an unknown class or a version after 4.
func ParseProfile(data []byte) (p Profile, ok bool) {
	if len(data) < 132 || string(data[36:40]) != "acsp" || int(binary.BigEndian.Uint32(data)) != len(data) {
		return p, false
	}
	p = Profile{Version: binary.BigEndian.Uint32(data[8:]), Class: string(data[12:16]), Space: string(data[16:20])}
	p.Components = map[string]int{"GRAY": 1, "RGB ": 3, "CMYK": 4}[p.Space]
	class := map[string]bool{"scnr": true, "mntr": true, "prtr": true, "spac": true}[p.Class]
	return p, class && p.Components > 0 && p.Version>>24 >= 2 && p.Version>>24 <= 4
}

// Allows tells whether the level takes a profile of that version.
func (l Level) Allows(p Profile) bool { return l != A1b || p.Version>>24 == 2 }
