package assemble
import ("testing";"github.com/twinleaf-scan/twinleaf/sdk";"os";"fmt")
func TestDbg(t *testing.T){
 path := shared(t,"scans-with-truth/eng-magazine-8087_054-g4.tif")
 text := recognized(t, path, "eng")
 b:=newBench(t)
 sz := func(p ...sdk.DocPage) int { got,_:=b.assemble(sdk.Document{Pages: p}); return len(read(t,got["pdf"])) }
 w, n := b.page(path,300,&text), b.page(path,300,nil)
 fmt.Println("bare", sz(n)-85804, "with", sz(w)-85804, "second page text", sz(w,w)-sz(w,n), "words", len(words(text)))
 sz(w); os.Rename(b.dir+"/document.pdf","/tmp/wr/one.pdf")
}
