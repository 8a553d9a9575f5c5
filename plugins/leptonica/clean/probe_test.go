package clean
import ("testing";"fmt";"path/filepath";"time";"os";"strconv";"context"
"github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"
"github.com/twinleaf-scan/twinleaf/plugins/leptonica/osd")
type rec struct{d *osd.Detector; s string}
func (r *rec) Turn(i lept.Image,dpi int)(int,float64){ a,b:=r.d.Turn(i,dpi); r.s=fmt.Sprintf("osd %d %.2f",a,b); return a,b}
func TestProbe(t *testing.T){
 d,err:=osd.New(); if err!=nil {t.Fatal(err)}
 files,_:=filepath.Glob(os.Getenv("SET"))
 for _,f:=range files {
  r:=&rec{d:d}
  dpi:=300.0
  if x:=os.Getenv("DPI"); x!="" { dpi,_=strconv.ParseFloat(x,64)}
  t0:=time.Now()
  got,err:=Look(context.Background(),Page{Path:f,DPI:dpi},Options{true,true,true},r)
  w,_:=working(Page{Path:f,DPI:dpi}); up,left,_:=w.UpDown(); sh,_,_:=w.Shapes(100000)
  fmt.Printf("%-50s %+v %v %dms up %.1f left %.1f | %s th %d\n",filepath.Base(f),got,err,time.Since(t0).Milliseconds(),up,left,r.s, textHeight(sh)*w.reduced)
 }
}
