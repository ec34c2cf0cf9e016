import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

const typeUrlField = 1;

/** Could every parser read these bytes as a `google.protobuf.Any`? What is packed in it is not looked at. [client-protocols 6.3] */
export function isAny(bytes: Uint8Array): boolean {
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === typeUrlField && wireType === WireType.LengthDelimited) reader.string(true);
      else reader.skip(wireType, field);
    }
    return true;
  } catch {
    return false; // that it does not parse is the answer
  }
}
