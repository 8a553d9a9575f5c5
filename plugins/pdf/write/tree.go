package write

import "github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

// LeafPages is the number of pages under one leaf node of the page tree.
const LeafPages = 64

// Tree builds the page tree while pages are written.
type Tree struct {
	d      *Writer
	root   types.IndirectRef
	leaf   types.IndirectRef
	pages  types.Array // of the leaf
	leaves types.Array
	count  int
}

// NewTree begins the page tree of d.
func NewTree(d *Writer) *Tree { return &Tree{d: d, root: d.Alloc()} }

// Add writes a page; it sets Type and Parent.
func (t *Tree) Add(page types.Dict) error {
	if len(t.pages) == 0 {
		t.leaf = t.d.Alloc()
	}
	page["Type"], page["Parent"] = types.Name("Page"), t.leaf
	t.pages = append(t.pages, t.d.Add(page))
	t.count++
	if len(t.pages) == LeafPages {
		t.closeLeaf()
	}
	return t.d.err
}

// Count is the number of pages so far.
func (t *Tree) Count() int { return t.count }

// Close writes the root and gives its reference.
func (t *Tree) Close() (types.IndirectRef, error) {
	if len(t.pages) > 0 {
		t.closeLeaf()
	}
	return t.root, t.d.Put(t.root, types.Dict{
		"Type": types.Name("Pages"), "Kids": t.leaves, "Count": types.Integer(t.count)})
}

func (t *Tree) closeLeaf() {
	_ = t.d.Put(t.leaf, types.Dict{ // the error stays in d
		"Type": types.Name("Pages"), "Parent": t.root, "Kids": t.pages, "Count": types.Integer(len(t.pages))})
	t.leaves = append(t.leaves, t.leaf)
	t.pages = nil
}
