// temporary until table.ts is there
export function pathRewriteKind(_route: i32): i32 {
  return 0
}
export function pathRewriteOffset(_route: i32): i32 {
  return 0
}
export function pathRewriteBytes(_route: i32): i32 {
  return 0
}
export function hostRewriteOffset(_route: i32): i32 {
  return 0
}
export function hostRewriteBytes(_route: i32): i32 {
  return 0
}
export function changeCount(_route: i32): i32 {
  return 0
}
export function changeKind(_route: i32, _i: i32): i32 {
  return 0
}
export function changeNameOffset(_route: i32, _i: i32): i32 {
  return 0
}
export function changeNameBytes(_route: i32, _i: i32): i32 {
  return 0
}
export function changeValueOffset(_route: i32, _i: i32): i32 {
  return 0
}
export function changeValueBytes(_route: i32, _i: i32): i32 {
  return 0
}
