export { authorityName, CertificateAuthority, lateAuthority, type Subject } from "./authority.js";
export { certificatesIn, privateKeyIn, publicKeyIn } from "./files.js";
export { newKeyPair, publicKeyOf, type KeyPair } from "./key-pair.js";
export { checkDates, checkPrivateKey, checkPublicKey, isCertificate, isMadeOutTo, KeyMaterialError, readCertificate, thumbprint, type CertificateFacts } from "./reading.js";
export { testAuthority, testCertificate, type AuthorityKeys } from "./test-certificate.js";
