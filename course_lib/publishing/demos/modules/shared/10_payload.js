// The demo's data: a JSON header, then arrays, each at a multiple of 4 bytes (packing.py wrote them).

function openPayload(view) {
  const size = view.getUint32(0, true);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  const body = bytes.slice(4 + size).buffer; // a copy, so that each array starts where its type asks for
  const kinds = {
    int8: Int8Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, int32: Int32Array, float32: Float32Array,
  };
  const arrays = {}, shapes = {};
  for (const [name, [kind, shape, at]] of Object.entries(header.arrays)) {
    arrays[name] = new kinds[kind](body, at, shape.reduce((a, b) => a * b, 1));
    shapes[name] = shape;
  }
  return { meta: header.meta, arrays, shapes };
}
